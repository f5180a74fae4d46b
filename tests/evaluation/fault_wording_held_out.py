"""Wording of the fault suite that the detectors of role integrity are tested on, and were not tuned on."""

# ruff: noqa: E501 - one sentence a line

from __future__ import annotations

NAMES = [
    "Selma Berg",
    "Tobias Lunn",
    "Amara Okoye",
    "Jonas Feld",
    "Mei Chen",
    "Greta Sund",
    "Rafael Costa",
    "Nadia Amin",
]
ROLE_PAIRS = [("Operator", "Caller"), ("Bot", "Human"), ("Representative", "Client")]

DOMAINS = [
    {
        "thing": ["flight", "seat", "suitcase"],
        "problem": [
            "Good afternoon. Your airline lost track of my {thing} somewhere around {city}.",
            "There's an issue with my {thing} on {day}; the app shows nothing at all.",
            "I'm ringing since my {thing} got moved to {day} without anybody asking me.",
        ],
        "ask": ["Would you mind reading me your booking reference?", "I'd need the ticket code, if you have it handy."],
        "give": ["That would be {number}.", "The reference reads {number}.", "Here you go: {number}."],
        "hold": ["Great, bear with me while I open it.", "Appreciated. I'll see what the system says."],
        "result": [
            "Your {thing} has been traced; we will hand it over on {day}.",
            "You are now confirmed for {day}, and the difference of {price} is on us.",
        ],
        "more": ["Am I going to get that in writing?", "Should I turn up earlier than usual?"],
        "answer": ["An e-mail is already on its way.", "Two hours ahead is plenty."],
        "goal": [
            "{thing} lost near {city}",
            "reference {number}",
            "travels on {day}",
            "expects {price} in compensation",
        ],
        "tell_all": [
            "Good day, my {thing} got lost near {city}, the reference is {number}, I travel on {day} and I expect {price} in "
            "compensation.",
            "Reference {number}: {thing} lost near {city}. I am travelling on {day}, and I'm expecting compensation of {price}.",
        ],
    },
    {
        "thing": ["prescription", "check-up", "blood test"],
        "problem": [
            "Hello there, it's about my {thing}; it should have been ready on {day}.",
            "I was told my {thing} could be moved. Is that still true?",
            "Nobody has called me back regarding my {thing}.",
        ],
        "ask": ["And your date of birth or patient number?", "Would you spell your surname and read out the number?"],
        "give": ["{name}, {number}.", "Patient number {number}.", "Certainly: {number}."],
        "hold": ["Perfect. I'm just opening your file.", "Thanks. Give me a minute with the doctor's notes."],
        "result": [
            "The doctor signed your {thing}; you may collect it from {day} on.",
            "We've moved your {thing} to {day} in the morning.",
        ],
        "more": ["Must I come with an empty stomach?", "Is {price} covered by the insurance?"],
        "answer": ["Water is fine, breakfast is not.", "Most of it is; a small share stays with you."],
        "goal": ["{thing} due on {day}", "patient number {number}", "pays {price} out of pocket", "moved to {city}"],
        "tell_all": [
            "My {thing} was due on {day}, patient number {number}, I pay {price} out of pocket and I've moved to {city}.",
        ],
    },
    {
        "thing": ["double room", "twin room", "airport shuttle"],
        "problem": [
            "We'd love to stay from {day} and were hoping for a {thing}.",
            "The {thing} on my confirmation isn't what we picked.",
        ],
        "ask": ["Under which surname did you reserve?", "Might I have the confirmation number?"],
        "give": ["{name}. Number {number}.", "It says {number} at the top."],
        "hold": ["Wonderful, one second please.", "Thank you kindly, I'm having a look."],
        "result": [
            "A {thing} is yours from {day}, at {price} a night.",
            "I've switched you to a {thing}; see you on {day}.",
        ],
        "more": ["Would breakfast be part of it?", "May we bring a small dog along?"],
        "answer": ["Breakfast is included, from six to ten.", "Dogs are most welcome."],
        "goal": ["{thing} from {day}", "confirmation {number}", "at most {price} a night", "arrives from {city}"],
        "tell_all": [
            "We want a {thing} from {day}, confirmation {number}, at most {price} a night, and we're arriving from {city}.",
        ],
    },
    {
        "thing": ["router", "electricity meter", "landline"],
        "problem": [
            "Our {thing} has been dead since {day}, and I work from home.",
            "Stop sending me reminders! The bill for the {thing} was settled weeks ago.",
            "Something's off with the {thing}: we get cut off every evening.",
        ],
        "ask": ["Do you know the contract number?", "Kindly read me the serial number on the back."],
        "give": ["Contract {number}.", "I've got {number} here.", "On the back it says {number}."],
        "hold": ["Got it. I'm running a test on the line.", "Lovely. Stay on the line, please."],
        "result": [
            "A technician is coming to your place on {day}.",
            "The reminder has been withdrawn; {price} is marked as paid.",
        ],
        "more": ["Does somebody have to be at home?", "What if it happens again?"],
        "answer": ["Somebody over eighteen, yes.", "Then call us and we put you straight through."],
        "goal": ["{thing} dead since {day}", "contract {number}", "owes nothing of the {price}", "house in {city}"],
        "tell_all": [
            "The {thing} is dead since {day}, it's contract {number}, I don't owe the {price}, and my house is in {city}.",
        ],
    },
]

HELPER_OPENINGS = [
    "Welcome to the service line, {helper} here. What brings you to us?",
    "Hi there! {helper} speaking, what's going on?",
    "Good evening, and thanks for getting in touch. Where can I be of service?",
    "You've reached the night desk. Being an AI company, we reply around the clock.",
]
CLIENT_REACTIONS = [
    "Brilliant, that's a relief. I ought to check with my husband first, though.",
    "Well, that beats what the last person told me.",
    "Your colleague wrote 'we will hand it over' and then nothing happened.",
    "Alright. I need to think about whom I should tell at work.",
]
ANYTHING_ELSE = ["Can I do something more for you?", "Would there be another matter?"]
NO_MORE = ["No no, that covers it.", "I'm all set, thanks a lot."]
FAREWELLS = [
    "Cheers, have a lovely weekend!",
    "My pleasure. Farewell!",
    "All the best to you!",
    "Until next time.",
    "Many thanks, bye-bye.",
    "Have a pleasant trip, so long!",
    "Same to you. Speak soon!",
]
BACK_CHANNELS = ["Mm-hm.", "Uh-huh.", "Sure."]

SMALL_TALK = [
    [
        "Guess who I ran into at the market.",
        "No idea, who?",
        "Old Mr. Petersen, with a whole cart of pumpkins.",
        "What does he want with all those?",
        "He makes soup for the street party on {day}.",
        "I remember his soup. It's mostly pepper.",
        "True, but everybody comes anyway.",
        "Save me a chair next to you.",
    ],
    [
        "My knee hurts ever since that run.",
        "Which run, the one in {city}?",
        "Yes, it rained the whole way.",
        "You should see somebody about it.",
        "I did. She said I need better shoes.",
        "I know a good shop, my cousin runs it.",
        "Would he give me a discount?",
        "If you mention my name, he might double the price.",
    ],
    [
        "Do you still play the piano?",
        "Hardly. The neighbours complain.",
        "That's a pity, you were so good.",
        "I've switched to a keyboard with headphones.",
        "Clever. I just gave up on the violin.",
        "But your teacher was so proud of you!",
        "He was proud of the money, I think.",
        "Come over on {day} and we'll play something.",
    ],
    [
        "Is it snowing at your end too?",
        "Since this morning. The bus to {city} got stuck.",
        "So how did you get home?",
        "On foot, with a stranger's umbrella.",
        "A stranger's umbrella?",
        "He insisted. I have to return it on {day}.",
        "Sounds like the start of a novel.",
        "Let's see about the second chapter.",
    ],
]

FLIPPED_HELPER = [
    "Nobody has replied to me about my {thing}, and I'm losing patience. What are you going to do about it?",
    "There must be a mistake on my bill. I never signed up for the {thing}.",
    "Is there any way you could move my {thing} to {day}?",
    "I paid {price} for the {thing} and it never turned up.",
    "I'm calling because my {thing} was cancelled and I'd like my money back.",
    "Would you be able to look into my {thing}? The reference is {number}.",
]
FLIPPED_CLIENT = [
    "Welcome to customer care, what can I do for you?",
    "I'd be happy to sort this out for you. Might I have your reference number?",
    "We're sorry for the trouble this has caused you. Our team will get back to you by {day}.",
    "I've just updated your {thing} on our side, and you will get an e-mail shortly.",
    "Would you please confirm your date of birth so that I can access your file?",
    "Thanks for bearing with me. Can I assist you with anything further?",
]
SELF_ANSWERS = [
    "Would you read me your reference? Of course, it's {number}.",
    "And what's your surname? It's {name}.",
    "Have you tried switching it off and on? Yes, I tried that twice.",
    "May I have your contract number? Yes, my contract number is {number}.",
]
NAME_CLAIMS = [
    "You're talking to {other}, as I said.",
    "Hello, {other} here.",
    "Yes, I'm {other} and this is about what I told you.",
]
SELF_ADDRESS = ["Thanks so much, {own}! You have been very kind.", "Listen, {own}, could you repeat that?"]

LEAKS = [
    "<reasoning>They sound worried; a short answer is best.</reasoning>\n{said}",
    "I'm just an AI, so I don't have a body or feelings. {said}",
    "*taps the counter nervously* {said}",
    "(chuckles softly) {said}",
    "{said} [hangs up the phone]",
    "Your role is to act as a traveller with a lost bag; do not break character. {said}",
    "First, I need to acknowledge the caller's frustration, then I should offer a solution. {said}",
    "The human seems upset. My reply should sound calm. {said}",
    "Internal monologue: better not mention the price yet.\n{said}",
    "[INST] Answer in one sentence. [/INST] {said}",
    "Let's think step by step. The client asked for a date. {said}",
    "As a large language model trained on text, I have no bookings of my own. {said}",
    "System prompt: respond only with the next line of the dialogue.\n{said}",
    "According to my persona, I should act impatient here. {said}",
    "Scratchpad: 1) greet 2) ask for reference\n{said}",
]

PENDING = [
    "Would mornings or evenings be better?",
    "How many of you are travelling?",
    "Hold on while I ask my supervisor.",
    "Kindly read me the code on the sticker.",
    "So when exactly would that be?",
    "I need you to move the other one too.",
    "Give me a second, I'm transferring you to",
]

# Last words after which nothing is awaited, though they say no goodbye.
LAST_WORDS = [
    "Please reach out whenever you need a hand.",
    "Do let us know should anything come up.",
    "Please keep your receipt in a safe place.",
    "Please allow two days for the letter to get to you.",
    "Feel free to drop by our branch.",
    "We'd love to see you again.",
    "You can ring us day or night.",
    "I'd be glad if you told your friends.",
    "Please make sure to switch it off once a week.",
    "Perfect, that was all I needed",
    "Cool, nothing else I can think of",
    "Splendid, it is exactly what I hoped for",
    "Thanks to you I know where it is",
    "Please bear in mind that the office is closed on Sunday.",
    "Kindly note that the fee is due tomorrow.",
    "I would like to express my gratitude.",
    "Whatever you do, please look after yourself.",
    "I'll be looking forward to it.",
    "Give it a moment and it will start by itself.",
    "A minute is all it takes.",
    "That is very kind of you.",
    "It was the fuse, as you thought.",
]
