"""Every sentence of the corpus grammar, with slots in braces; side I opens with a wish, side R responds."""

from __future__ import annotations

SENTENCES: dict[tuple[str, str], list[str]] = {}
MOODS = ("polite", "neutral", "cheerful", "rude")


def _add(sides: str, act: str, *templates: str) -> None:
    for side in sides:
        SENTENCES.setdefault((side, act), []).extend(templates)


_add(
    "I",
    "greet_polite",
    "Good morning, my name is {name}.",
    "Hello, this is {name}, thank you for taking my call.",
    "Good afternoon, I am {name}.",
)
_add("I", "greet_neutral", "Hi, this is {name}.", "Hello, I am {name}.", "Hi, my name is {name}.")
_add("I", "greet_cheerful", "Hey there, {name} here!", "Hi hi, I am {name}, lovely day!", "Hello hello, it is {name}!")
_add("I", "greet_rude", "{name} here.", "Finally someone answers.", "I have been waiting forever.")
_add(
    "R",
    "greet_polite",
    "Good morning, this is {name}, it is a pleasure to help you.",
    "Welcome, my name is {name}, how may I help you?",
    "Good afternoon, {name} speaking, how may I be of service?",
)
_add(
    "R",
    "greet_neutral",
    "Hello, this is {name}, how can I help?",
    "Hi, {name} speaking, what do you need?",
    "Hello, I am {name}, how can I help you?",
)
_add(
    "R",
    "greet_cheerful",
    "Hey, {name} here, so happy to help you today!",
    "Hi there, this is {name}, what a great day to help!",
    "Hello hello, {name} at your service!",
)
_add("R", "greet_rude", "{name}, what is it?", "Yes, {name} here, be quick.", "What do you want?")

_add("I", "pre_polite", "If it is not too much trouble.", "I am sorry to bother you.", "Thank you for your patience.")
_add("I", "pre_cheerful", "No worries at all!", "Sure thing!", "Happy to share!")
_add("I", "pre_rude", "This is ridiculous.", "I am fed up with this.", "Listen to me.")
_add("R", "pre_polite", "Thank you very much.", "Of course, with pleasure.", "I truly appreciate that.")
_add("R", "pre_cheerful", "Awesome!", "Fantastic!", "Perfect, thanks a lot!")
_add("R", "pre_rude", "Whatever.", "Fine.", "Hurry up.")
_add("I", "post_polite", "Thank you so much.", "I would really appreciate it.")
_add("I", "post_cheerful", "You are the best!", "That is so cool!")
_add("I", "post_rude", "Do your job.", "And do not waste my time.")
_add("R", "post_polite", "I hope that is all right.", "Please take your time.")
_add("R", "post_cheerful", "We will sort it out together!", "Easy peasy!")
_add("R", "post_rude", "I do not have all day.", "Next time read the manual.")

REQUESTS = {
    "polite": ["Could you please {vp}?", "Would you kindly {vp}, please?", "May I ask you to {vp}?"],
    "neutral": ["Can you {vp}?", "Could you {vp}?", "I need you to {vp}."],
    "cheerful": ["Can you {vp}, my friend?", "Now the fun part, can you {vp}?"],
    "rude": ["Just {vp}.", "You have to {vp} right now.", "Stop talking and {vp}."],
}
ASK_FOR = {
    "order number": ["tell me your order number", "give me the order number"],
    "account number": ["tell me your account number", "give me the account number"],
    "customer id": ["tell me your customer id", "give me the customer id"],
    "item": ["tell me which item it is", "say what you ordered"],
    "email": ["tell me your email", "share your email address"],
    "city": ["tell me your city", "say which city you live in"],
    "name": ["tell me your name", "give me your full name"],
    "month": ["tell me the month of the bill", "say which month it was"],
    "symptom": ["describe your symptom", "tell me what hurts"],
    "since": ["tell me when it started", "say since when you feel this"],
    "allergy": ["tell me your allergies", "say if you have any allergy"],
    "age": ["tell me your age", "say how old you are"],
    "check-in": ["tell me the check-in day", "say when you arrive"],
    "nights": ["tell me how many nights", "say how many nights you stay"],
    "room": ["tell me the room type", "say which room you want"],
    "device": ["tell me which device it is", "say what device you have"],
    "error code": ["read me the error code", "tell me the error code"],
    "hobby": ["tell me about your hobby", "say what you do for fun"],
    "food": ["tell me your favorite food", "say what you like to eat"],
    "plan": ["tell me your weekend plan", "say what you do this weekend"],
    "phone": ["tell me your phone number", "give me a phone number"],
    "issue": ["describe the problem", "explain what happened"],
    "size": ["tell me your size", "say which size you need"],
    "budget": ["tell me your budget", "say how much you can spend"],
    "occupation": ["tell me your occupation", "say what your job is"],
}
ASK_ANYTHING = ("tell me your {k}", "give me your {k}")
GIVE = {
    "order number": [
        "My order number is {order number}.",
        "The order number is {order number}.",
        "It is order {order number}.",
    ],
    "account number": ["My account number is {account number}.", "The account is {account number}."],
    "customer id": ["My customer id is {customer id}.", "The customer id is {customer id}."],
    "item": ["It is the {item}.", "I ordered a {item}."],
    "email": ["My email is {email}.", "You can write to {email}."],
    "city": ["I live in {city}.", "I am in {city}."],
    "name": ["My name is {name}.", "It is {name}."],
    "month": ["It was the bill of {month}.", "The month is {month}."],
    "symptom": ["I have a {symptom}.", "The problem is a {symptom}."],
    "since": ["It started {since}.", "I first felt it {since}."],
    "allergy": ["I am allergic to {allergy}.", "My allergy is {allergy}."],
    "age": ["I am {age} years old.", "My age is {age}."],
    "check-in": ["I arrive on {check-in}.", "The check-in is on {check-in}."],
    "nights": ["I will stay {nights} nights.", "It is for {nights} nights."],
    "room": ["I would like a {room}.", "A {room} is what I want."],
    "device": ["It is my {device}.", "I have a {device}."],
    "error code": ["The error code is {error code}.", "It says error {error code}."],
    "hobby": ["I really like {hobby}.", "My hobby is {hobby}."],
    "food": ["I love {food}.", "My favorite food is {food}."],
    "plan": ["I am going to {plan}.", "My plan is to {plan}."],
    "phone": ["My phone number is {phone}.", "You can call me at {phone}."],
    "issue": ["The problem is that {issue}.", "It is simple, {issue}."],
    "size": ["My size is {size}.", "I need it in {size}."],
    "budget": ["My budget is ${budget}.", "I can spend ${budget}."],
    "occupation": ["My occupation is {occupation}.", "My job is {occupation}."],
}
for _key, _templates in GIVE.items():
    _add("IR", f"give_{_key}", *_templates)
_add("IR", "deny", "I do not have that.", "Sorry, I do not have that.")

_ISSUES = {
    "delivery": [
        "My {item} has not arrived.",
        "I am still waiting for my {item}.",
        "The {item} I ordered is {late} days late.",
    ],
    "refund": ["I want a refund because my {item} {problem}.", "The {item} {problem} and I want my money back."],
    "billing": ["I am calling about my bill of {month}, {bill}.", "There is a problem with the {month} bill, {bill}."],
    "doctor": ["I have a {symptom}.", "I do not feel well, I have a {symptom}."],
    "hotel": ["I want to book a {room}.", "I need a {room} for {nights} nights."],
    "tech": ["My {device} {techp}.", "I have a problem, my {device} {techp}."],
    "shop": ["I am looking for a {item}.", "I want to buy a {item}."],
    "generic": ["I have a problem, {issue}.", "I am calling because {issue}.", "I need help, {issue}."],
}
_ECHOES = {
    "delivery": ["So the {item} is late, I will check it.", "I see, you are waiting for the {item}."],
    "refund": ["So the {item} {problem}, I can help with the refund.", "I see, the {item} {problem}."],
    "billing": ["So it is about the {month} bill.", "I see, a question about the bill of {month}."],
    "doctor": ["So you have a {symptom}.", "I see, a {symptom}."],
    "hotel": ["So you want a {room}.", "A {room}, I will look at it."],
    "tech": ["So your {device} {techp}.", "I see, the {device} {techp}."],
    "shop": ["So you are looking for a {item}.", "A {item}, what a good choice."],
    "generic": ["I understand, {your issue}.", "So {your issue}, I will look into it."],
}
_RESULTS = {
    "delivery": [
        "Your order is {status} and it will arrive on {eta}.",
        "It is {status}, the new delivery day is {eta}.",
    ],
    "refund": [
        "The refund of ${amount} will arrive in {days} days.",
        "I have refunded ${amount}, it takes {days} days.",
    ],
    "billing": [
        "The correct amount is ${amount}, I will fix the bill.",
        "I see ${amount} in the system and I will correct it.",
    ],
    "doctor": ["Your appointment is on {appt} at {hour}.", "I have booked you on {appt} at {hour}."],
    "hotel": ["The {room} is ${price} per night.", "We have a {room} for ${price} per night."],
    "tech": ["You need to {fix}.", "The solution is to {fix}."],
    "shop": ["The {item} costs ${price}.", "We have it for ${price}."],
    "generic": ["I have opened ticket {ticket} for you.", "Your ticket number is {ticket}."],
}
_PLANS = {
    "delivery": ["I will ask the carrier and call you on {day}.", "The courier will bring it on {day}."],
    "refund": ["I will send the refund to the team on {day}.", "You will get your money back by {day}."],
    "billing": ["I will review the bill on {day}.", "The bill will be corrected on {day}."],
    "doctor": ["I recommend {treatment} and I want to see you on {day}.", "Take {treatment} and come back on {day}."],
    "hotel": ["I have booked the {room} for you.", "The {room} is reserved under your name."],
    "tech": ["A technician will visit you on {day}.", "We will repair it on {day}."],
    "shop": ["We have the {item} in the shop.", "I will bring you the {item}."],
    "generic": ["I will solve it by {day}.", "My team will contact you on {day}."],
}
_PROMISES = {
    "doctor": ["Please rest and drink a lot of water.", "Rest for some days and come back if it gets worse."],
    "hotel": ["I have booked the {room} for you.", "The {room} is reserved under your name."],
    "shop": ["We have the {item} in the shop.", "I will bring you the {item}."],
}
for _domain, _templates in _ISSUES.items():
    _add("I", f"issue_{_domain}", *_templates)
    _add("R", f"echo_{_domain}", *_ECHOES[_domain])
    _add("R", f"result_{_domain}", *_RESULTS[_domain])
    _add("R", f"plan_{_domain}", *_PLANS[_domain])
    _add(
        "R",
        f"promise_{_domain}",
        *_PROMISES.get(_domain, ["I will take care of it myself.", "I have written it down and we will fix it soon."]),
    )
_add("R", "relay", "Here is what I see, {relay}.", "The system says {relay}.")
_add("R", "failure", "I am sorry, the system does not answer right now.", "Sorry, I cannot reach the system right now.")

_add("I", "accept_polite", "That is very kind, thank you.", "That would be wonderful, thank you.")
_add("I", "accept_neutral", "Okay, that works.", "All right, that is good.")
_add("I", "accept_cheerful", "Yay, that is amazing!", "Great, you made my day!")
_add("I", "accept_rude", "It was about time.", "That is the least you can do.")
_add("I", "want", "I want {wants}.", "What I want is {wants}.")
_add("R", "want_ok", "Yes, you will get {your wants}.", "I can give you {your wants}.")
_add("R", "else_polite", "Is there anything else I may help you with?")
_add("R", "else_neutral", "Anything else?", "Do you need anything else?")
_add("R", "else_cheerful", "Anything else I can do to make you smile?")
_add("R", "else_rude", "Is that all?")
_add("I", "no_else", "No, that is all.", "Nothing else.")
_add("IR", "bye_polite", "Thank you for everything, have a nice day.", "Goodbye and thank you very much.")
_add("IR", "bye_neutral", "Goodbye.", "Bye.")
_add("IR", "bye_cheerful", "Bye bye, take care, friend!", "See you soon, have a nice day!")
_add("IR", "bye_rude", "Bye, finally.", "I am done here, bye.")
_add("IR", "stop", "STOP")

_add("I", "chat_open", "How are you today?", "How is it going?")
_add("R", "chat_reply", "I am fine, and you?", "I am doing well, thanks.")
_add("R", "chat_greet", "Hi, I am {name}.")
_add("IR", "react_hobby", "I like {their hobby} too.", "Oh, {their hobby} sounds nice.")
_add("IR", "react_food", "Mmm, {their food} is great.", "I also like {their food}.")
_add("IR", "react_plan", "Have fun when you {their plan}.", "It sounds fun to {their plan}.")
_add("IR", "go_on", "Let us continue.", "Please go on.", "All right.")

# The wording of the toolkit's own orchestrators (sdialog/prompts/orchestrate).
FINISH = "Finish the conversation now: wrap up politely and say goodbye in this reply."
KEEP_GOING = "Keep the conversation going: bring up something new or ask a question, and do not say goodbye yet."
CHANGE_MIND = "Change your mind now: take back or alter something you have said or asked for, in your own words."
INSTRUCTIONS = {
    "apologize": [
        "Apologize.",
        "Apologize to the other person.",
        "Say sorry before anything else.",
        "Apologize sincerely in your next turn.",
    ],
    "brief": ["Be brief.", "Answer in a few words.", "Keep the next answer very short."],
    "ask": [
        "Ask for the {k}.",
        "Ask the other person for the {k}.",
        "In your next turn, ask for the {k}.",
        "Ask for their {k}.",
        "Ask about the {k}.",
    ],
    "refuse": ["Refuse politely.", "Politely refuse the request.", "Say no in a polite way."],
    "thank": ["Thank the other person.", "Say thank you first.", "Thank them."],
    "mention": ["Mention that {x}.", "Tell the other person that {x}.", "Say that {x}."],
    "mood": ["Become {m}.", "From now on, be {m}.", "Change your mood to {m}.", "Be {m}."],
    "end": [
        "End the conversation now.",
        "Say goodbye and finish.",
        "Wrap up the conversation.",
        "Finish the conversation now.",
        FINISH,
        FINISH,
        "It is time to end the conversation, say goodbye.",
    ],
    "keep": [
        "Keep the conversation going.",
        KEEP_GOING,
        KEEP_GOING,
        KEEP_GOING,
        "Do not end the conversation yet.",
        "Continue the conversation, it is too early to finish.",
        "Make sure the conversation goes on.",
    ],
    "change": [
        "Change your mind.",
        CHANGE_MIND,
        CHANGE_MIND,
        "Change your mind about what you said.",
        "Change your mind completely.",
    ],
    "change because": [
        "Change your mind. Reason: {x}.",
        "Change your mind because {x}.",
        CHANGE_MIND + " Reason: {x}",
        CHANGE_MIND + " Reason: {x}",
        "Change your mind, the reason is that {x}.",
    ],
}
_add("IR", "do_apologize", "I am so sorry about that.", "I apologize for the trouble.", "Please accept my apologies.")
_add(
    "IR",
    "do_refuse",
    "I am afraid I cannot do that, I hope you understand.",
    "Unfortunately I must decline, thank you for understanding.",
    "I am sorry, but that is not possible.",
)
_add("IR", "refused", "I understand.", "All right, then let us move on.")
_add("IR", "do_thank", "Thank you very much for that.", "Many thanks.")
_add("IR", "do_mention", "By the way, {x}.", "I should say that {x}.")
_add("IR", "do_brief", "Okay.", "Yes.", "Sure.", "Got it.")
_add("IR", "do_keep", "Before we finish, please tell me more.", "Let us talk a little more.")
_add("IR", "do_change", "I have changed my mind.", "On second thought, I have changed my mind.")
_add(
    "IR", "do_change because", "I have changed my mind, because {x}.", "I have changed my mind, the reason is that {x}."
)
_add("IR", "changed", "That is fine.", "No problem, I understand.")

# What people may ask in other words; only ever heard, never said by the model.
QUESTIONS = {
    "name": ["What is your name?", "What's your name?", "Who are you?", "Who am I speaking to?", "Your name, please?"],
    "order number": ["What is your order number?", "Do you have the order number?", "Which order is it?"],
    "account number": ["What is your account number?", "Do you know your account number?"],
    "customer id": ["What is your customer id?", "Do you have your customer number?"],
    "item": ["What did you order?", "Which item is it?", "What was it that you bought?"],
    "email": ["What is your email?", "What's your email address?", "Where can I write to you?"],
    "city": ["Where do you live?", "Which city are you in?", "Where are you from?"],
    "month": ["Which month is it about?", "Which bill do you mean?"],
    "symptom": ["What are your symptoms?", "What hurts?", "Where does it hurt?"],
    "since": ["When did it start?", "How long have you had it?", "Since when?"],
    "allergy": ["Do you have any allergies?", "Are you allergic to anything?"],
    "age": ["How old are you?", "What is your age?", "May I ask your age?"],
    "check-in": ["When do you arrive?", "What day do you check in?"],
    "nights": ["How many nights will you stay?", "How long do you stay?"],
    "room": ["Which room would you like?", "What kind of room do you want?"],
    "device": ["Which device is it?", "What kind of device do you have?"],
    "error code": ["What is the error code?", "Which error does it show?"],
    "hobby": ["What do you like to do?", "Do you have a hobby?", "What do you do in your free time?"],
    "food": ["What is your favorite food?", "What do you like to eat?"],
    "plan": ["What are your plans for the weekend?", "What are you going to do?"],
    "phone": ["What is your phone number?", "How can I reach you by phone?"],
    "issue": ["What is the problem?", "What happened?", "What can I do for you?", "What's wrong?"],
    "size": ["Which size do you need?", "What is your size?"],
    "budget": ["What is your budget?", "How much do you want to spend?"],
    "occupation": ["What do you do for a living?", "What is your job?", "What do you work as?"],
}
HELLOS = [
    "Hi!",
    "Hello.",
    "Hello!",
    "Hello there!",
    "Hey.",
    "Hi there.",
    "Good morning.",
    "Good evening!",
    "Hi, how are you?",
    "Hello, how are you today?",
    "Hello, can you hear me?",
    "Hi",
    "hello",
]
BYES = [
    "Bye!",
    "Goodbye.",
    "Bye bye.",
    "Thanks, bye!",
    "See you!",
    "Have a nice day!",
    "Thank you, goodbye.",
    "Okay, bye.",
    "Take care!",
    "That was all, goodbye.",
]
OFFERS = [
    "Hello, how can I help you?",
    "Hi! What can I do for you?",
    "Good day, how may I help?",
    "Welcome! How can I help you today?",
    "Hello!",
    "Hi, thanks for waiting. How can I help?",
]
