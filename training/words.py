"""Word lists the corpus draws its values from; all written for this project."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> list[str]:
    return text.replace("\n", "").split(",")


FIRST_NAMES = _words(
    """
Ana Ben Carla David Elena Frank Grace Hugo Ines Jack Kira Leo Maria Nina Oscar Paula Quinn Rosa Sam Tara Umar Vera
Will Xena Yara Zoe Alice Bob Carol Diego Emma Felix Gina Henry Iris James Karen Liam Mona Noah Olga Peter Rita Steve
Tina Victor Wendy Amir Bianca Chen Dora Erik Fatima George Hana Ivan Julia Kofi Lena Mark Nora Omar Priya Ravi Sara
Tom Ursula Walter Yusuf Lucia Marco Sofia Daniel Laura Pablo Irene Robert John Mary Linda Susan Paul Kevin Brian
Emily Anna Ada Adam Aisha Akira Alan Albert Alex Ali Amara Amina Amy Andre Andrea Angela Anita Anton Arjun Arthur
Asha Astrid Ava Beatriz Bella Bjorn Boris Bruno Camila Carlos Cecilia Charles Chiara Claire Clara Colin Dalia Dana
Deepa Dennis Dina Dmitri Donna Edith Eduardo Edward Eli Elif Ella Elsa Emeka Emil Enzo Erin Esther Ethan Eva Fabio
Farah Fernando Fiona Gabriel Gareth Gloria Greta Gustav Hamid Hanna Harold Hassan Hector Helen Helga Hiro Ian
Ibrahim Ida Igor Ingrid Isaac Isabel Jacob Jamal Jana Jane Jasmin Javier Jean Jenny Jin Joan Jonas Jorge Jose Joseph
Judith Juan Kamal Karim Kate Kenji Klaus Kumar Lara Lars Layla Leila Lily Lin Lisa Lorenzo Louis Lucas Luis Luna
Magda Malik Mandla Manuel Marta Martin Matteo Max Mei Mia Miguel Mikael Milan Mina Mira Miriam Mohamed Monica Nadia
Naomi Nasir Natalia Neha Nelly Nikolai Nicole Niko Noor Olivia Oleg Olivier Otto Pamela Patrick Pedro Petra Philip
Pierre Rachel Rafael Rahim Raj Ramona Raul Rebecca Rina Roberto Rohan Roman Ruth Ryan Sabine Salma Samira Sandra
Sanjay Selma Sergio Silvia Simon Sita Sonia Stefan Sven Tamara Tanya Tariq Theo Thomas Tomas Uma Valeria Vanessa
Vikram Viola Wanda Wei Yasmin Yuki Yvonne Zara Zainab Zoltan
"""
)

LAST_NAMES = _words(
    """
Torres Smith Lee Garcia Brown Khan Rossi Novak Silva Meyer Kim Patel Jones Lopez Ito Haas Moreau Olsen Diaz Clark
Young King Wright Hill Green Adams Baker Nelson Carter Perez Evans Parker Collins Reed Cook Bell Ward Cox Gray Wood
Ross Abbott Ahmed Allen Alvarez Andersen Bailey Banks Barnes Becker Berg Bianchi Blake Bond Bose Brandt Brooks Burke
Castro Chan Chavez Cohen Conti Costa Cruz Dahl Das Dixon Dubois Duran Eriksen Farah Ferrari Fischer Fontana Ford
Foster Fox Fuentes Gallo Gomez Grant Greco Gupta Hansen Harris Hayes Hoffman Holm Hughes Hunt Ibarra Iyer Jackson
Jansen Jensen Johansson Kaplan Kaur Keller Kelly Kowalski Kovacs Kumar Lambert Lang Larsen Laurent Leroy Lewis Lim
Lind Long Lund Mancini Marino Marsh Martinez Mason Mbeki Mehta Mendoza Miller Mills Molina Moore Morales Moreno
Morgan Moretti Murphy Murray Nagy Nair Nakamura Navarro Nguyen Nielsen Okafor Okoye Oliveira Ortiz Osei Owens Page
Palmer Park Pereira Peters Petrov Pham Popov Porter Powell Price Quinn Ramirez Ramos Rao Reyes Ribeiro Ricci Rivera
Roberts Rojas Romano Romero Rossini Roth Ruiz Russo Ryan Saito Salas Sanchez Santos Sato Schmidt Schneider Schulz
Sharma Shaw Simon Singh Sousa Stein Stone Suarez Suzuki Svensson Tanaka Taylor Thomas Thompson Toth Turner Vargas
Vega Vidal Vogel Wagner Walker Walsh Wang Watson Weber Weiss White Wilson Winter Wolf Wong Woods Yamada Yang Yilmaz
Zhang Zhou Ziegler
"""
)

CITIES = _words(
    """
Madrid Paris Oslo Lima Boston Cairo Rome Quito Dublin Vienna Prague Tokyo Geneva Lisbon Berlin Athens Denver Miami
Seattle Delhi Lagos Nairobi Seoul Milan Porto Zurich Warsaw Bogota Havana Chicago London Sydney
"""
)

COLORS = _words("red blue green black white silver yellow purple orange pink brown gray")
PRODUCTS = _words(
    """
kettle lamp jacket backpack toaster phone tablet camera chair blender watch keyboard headset mirror carpet drill
scooter tent guitar monitor printer mixer heater umbrella suitcase helmet bicycle sofa coat scarf fan radio
"""
)
NOUNS = _words(
    """
apple bird boat book bottle box bread brick bridge brush bucket button cake candle car carpet cat chain cheese clock
cloud coat coffee coin corn cup curtain desk dog door dress drum egg engine fan farm fence field fire fish flag
flower forest fork frame game garden gate glass glove gold grass hammer hat hill honey horse house island jar jewel
key kitchen kite ladder lake leaf lemon letter light lock map market meat milk moon mouse mouth nail needle nest
night oil onion orange oven page paint paper park pear pen pencil piano picture pillow pipe plane plant plate pocket
pond pool pot purse queen rabbit radio rain ring river road rock roof room rope rose sail salt sand school seed
shelf ship shirt shoe shop silk sink skirt snow sock sofa song soup spoon spring star station stone stove street
sugar sun table tail tea teeth ticket tiger tile tool tower town toy train tree truck wall wave wheel wind window
wine winter wood wool yard
"""
)
RARE_WORDS = _words(
    """
anvil badger bamboo barley beacon bellow biscuit blanket bonnet buckle cabbage cactus canyon carbon castle cellar
cement chapel chisel cinder clover cobalt comet copper coral cotton cradle crater crystal cushion dagger daisy denim
desert dolphin dragon ember falcon feather fiddle flannel fossil funnel gadget galaxy ginger glacier goblet granite
gravel hamlet harbor hazel helium hollow hornet jacket jasmine jungle kernel lantern laurel leather lichen linen
lizard locket magnet mammoth mantle marble meadow mellow mineral mosaic muffin mustard nectar nickel nutmeg oyster
paddle parcel parrot pebble pepper pewter pigeon pillar planet plasma pollen puddle quartz quilt racket ribbon
rocket saddle saffron satin scarlet shovel silver socket sparrow spindle splinter sprocket stable statue summit
tackle tangle temple thimble thistle timber tractor trellis tulip tunnel turnip turtle valley velvet violet walnut
walrus weasel whistle willow zipper
"""
)
VERBS = _words(
    """
open close start stop move turn clean fill lock charge print play record heat cool fold load wash lift
"""
)
ADJECTIVES = _words(
    """
old new small big heavy light cheap dirty strange ugly wet cold hot soft hard loud dark thin long short
"""
)
DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _words("January February March April May June July August September October November December")
SYMPTOMS = _phrases(
    """
headache,sore throat,fever,back pain,cough,stomach ache,rash,knee pain,toothache,runny nose,chest pain,neck pain,
shoulder pain,swollen foot
"""
)
TREATMENTS = _phrases(
    """
ibuprofen,paracetamol,a warm tea,rest,a throat spray,an ointment,eye drops,vitamins,a syrup,physiotherapy
"""
)
ALLERGIES = _phrases("penicillin,peanuts,pollen,dust,aspirin,latex,cats,milk,nothing,eggs,shellfish")
PROBLEMS = _phrases(
    """
arrived broken,is the wrong color,is too small,is missing a part,does not turn on,is too big,smells bad,is scratched
"""
)
BILL_PROBLEMS = _phrases(
    """
I was charged twice,there is a fee I do not know,the amount is too high,my discount is missing,
I paid but it says unpaid
"""
)
DEVICES = _phrases("laptop,router,printer,phone,tablet,television,smart watch,camera,speaker,monitor,headset")
DEVICE_PROBLEMS = _phrases(
    """
does not turn on,is very slow,keeps restarting,has no sound,cannot connect,shows a blue screen,gets very hot
"""
)
FIXES = _phrases(
    """
restart it,update the driver,reset the settings,change the cable,install the update,clear the cache,
replace the battery
"""
)
ROOMS = _phrases("single room,double room,suite,family room,room with a view,twin room")
HOBBIES = _phrases(
    """
chess,running,cooking,painting,hiking,swimming,gardening,fishing,dancing,reading,cycling,photography,climbing,
knitting
"""
)
FOODS = _phrases("pizza,sushi,tacos,pasta,curry,salad,soup,ramen,paella,burgers,dumplings,pancakes")
SIZES = _phrases("small,medium,large,extra large")
OCCUPATIONS = _phrases(
    """
teacher,nurse,driver,engineer,student,baker,artist,farmer,lawyer,chef,accountant,plumber,writer,retired
"""
)
HOTELS = _phrases(
    """
Grand Hotel,Sea View,Park Inn,Hotel Central,Blue Lagoon,Mountain Lodge,Royal Garden,Old Town Hotel
"""
)
STORES = _phrases("City Store,Home World,Fashion Corner,Green Market,Tech Point,The Style House,Sport Planet")
SPECIALTIES = _phrases("family medicine,general practice,internal medicine,pediatrics,cardiology,dermatology")
CONSONANTS = _words("b c d f g h j k l m n p r s t v w z br tr st kl sh")
VOWELS = _words("a e i o u ai ou")
ASK_FIRST = _words(
    """
shoe blood passport school favorite family work house street car bank ticket room travel middle pet old second lucky
birth home office credit member
"""
)
ASK_SECOND = _words(
    """
size type number name color date address code song book movie sport drink animal time place price street team
language doctor
"""
)
ROLES = _phrases(
    """
teacher,nurse,driver,engineer,student,baker,artist,farmer,lawyer,chef,barista,waiter,pirate,musician,neighbor,
colleague,tourist,guide,librarian,gardener,coach,journalist,actor,scientist,grandmother,detective,manager,
shopkeeper,pilot,doctor,customer,friend,host,guest,cashier,receptionist
"""
)
LIVES = _phrases(
    """
lives with two cats,grew up in a small town,works at a bank,loves music,has three children,is new in town,
likes long walks,works at night,studies history,runs a small shop,speaks three languages,never drinks coffee,
just came back from a trip,collects old books,is often late,plays in a band
"""
)
