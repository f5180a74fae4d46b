"""Wording of the fault suite that the detectors of role integrity were tuned on."""

# ruff: noqa: E501 - one sentence a line

from __future__ import annotations

NAMES = ["Riley Tran", "Kofi Mensah", "Lucia Haas", "Omar Diaz", "Hana Ito", "Mark Olsen", "Priya Patel", "Ivan Novak"]
ROLE_PAIRS = [("Agent", "Customer"), ("Assistant", "User"), ("System", "User")]

# One entry a domain: the client's thing, what is wrong with it, what the helper asks for, what comes of it.
DOMAINS = [
    {
        "thing": ["kettle", "backpack", "keyboard", "desk lamp"],
        "problem": [
            "Hi, I ordered a {thing} two weeks ago and it still has not arrived.",
            "My {thing} is late. The page has said 'in transit' for days.",
            "The {thing} I bought came broken and I want my money back.",
        ],
        "ask": ["Could you give me the order number?", "What is your order number, please?"],
        "give": ["It is {number}.", "Sure, {number}.", "My order number is {number}."],
        "hold": ["Thank you. Let me look that up for you.", "One moment, I am checking your order now."],
        "result": [
            "I see your {thing} is held up at the depot. It should reach you on {day}.",
            "I have sent a new {thing} to your address; it will arrive by {day}.",
            "I have refunded the {thing}. You will see {price} on your card by {day}.",
        ],
        "more": ["Will I have to sign for it?", "And does that cost me anything extra?"],
        "answer": ["No signature is needed.", "There is no charge to you for that."],
        "goal": ["wants a refund for the {thing}", "order number {number}", "paid {price} by card", "lives in {city}"],
        "tell_all": [
            "Hello, I want a refund for the {thing}, my order number is {number}, I paid {price} by card and I live in "
            "{city}.",
            "Order number {number}. I paid {price} by card for the {thing}, I want a refund, and I live in {city}.",
        ],
    },
    {
        "thing": ["debit card", "savings account", "credit card"],
        "problem": [
            "Please STOP charging my card! My {thing} shows a fee of {price} that I never agreed to.",
            "Someone has used my {thing} in {city} and I was never there.",
            "I cannot log in to my {thing} any more.",
        ],
        "ask": ["Can I have the last four digits, please?", "May I take your customer number?"],
        "give": ["{number}.", "The number is {number}.", "Yes, it's {number}."],
        "hold": ["Thanks, I am pulling up your account.", "Thank you, please hold for a moment."],
        "result": [
            "I have taken the fee off your {thing}, it will show by {day}.",
            "I have blocked your {thing} and a new one goes out on {day}.",
        ],
        "more": ["How long does a new one take?", "Can I still pay by phone until then?"],
        "answer": ["It takes about three working days.", "Yes, your phone payments go on as before."],
        "goal": ["fee of {price}", "wants the {thing} blocked", "customer number {number}", "was in {city} on {day}"],
        "tell_all": [
            "Hi, there is a fee of {price}, I want the {thing} blocked, my customer number is {number} and I was in {city} "
            "on {day}.",
        ],
    },
    {
        "thing": ["table for four", "birthday cake", "set menu"],
        "problem": [
            "Good evening, I would like to book a {thing} for {day}.",
            "I made a reservation of a {thing} for {day} and I need to change it.",
        ],
        "ask": ["Which name is the booking under?", "What phone number can we reach you on?"],
        "give": ["It's under {name}, {number}.", "{number}, and the name is {name}."],
        "hold": ["Lovely, let me check what we have.", "Just a second, I am opening the book."],
        "result": ["Your {thing} is booked for {day}.", "We can do {day} at seven; I have put you down."],
        "more": ["Do you have anything without nuts?", "Is there parking nearby?"],
        "answer": ["Yes, half of our dishes are free of nuts.", "There is a car park right behind us."],
        "goal": ["{thing} on {day}", "allergic to nuts", "phone number {number}", "budget of {price}"],
        "tell_all": [
            "Hello, I need a {thing} on {day}, I am allergic to nuts, my phone number is {number} and my budget is {price}."
        ],
    },
]

HELPER_OPENINGS = [
    "Hello, this is {helper}. How can I help you today?",
    "Thank you for contacting us, how may I help?",
    "Good morning! What can I do for you?",
    "As an AI company we keep no recordings. How can I help you?",
]
CLIENT_REACTIONS = [
    "Okay, thank you. I should ask my wife whether she is at home that day.",
    "Oh, that is good to hear.",
    'Hm, you said "one moment, I am checking your order now" last week too.',
    "Fine. It was about time.",
]
ANYTHING_ELSE = ["Is there anything else I can help you with?", "Anything else I can do for you?"]
NO_MORE = ["No, that is all, thank you.", "Nothing else, thanks."]
FAREWELLS = [
    "Thank you for calling, have a nice day!",
    "You're welcome. Goodbye!",
    "Thanks, bye!",
    "Bye, take care.",
    "See you, and thanks again.",
    "You too, have a good evening!",
    "Goodbye, and thank you.",
]
BACK_CHANNELS = ["Okay.", "Right.", "I see."]

# Small talk: what one says, and what the other may answer, topic by topic.
SMALL_TALK = [
    [
        "How was your weekend?",
        "Quiet. I finally painted the kitchen.",
        "Nice! Which colour did you take?",
        "A pale green. My sister helped me.",
        "I should do mine as well one day.",
        "You can borrow my brushes if you like.",
        "That would be great, I have none.",
        "I will bring them over on {day}.",
    ],
    [
        "Have you seen the new film about the lighthouse?",
        "Yes, I saw it on {day}. The end surprised me.",
        "Don't tell me how it ends!",
        "I won't. But take a friend with you.",
        "Is it that scary?",
        "A little. My brother left halfway through.",
        "Ha, he always does that.",
        "Let me know what you think of it.",
    ],
    [
        "I'm thinking of getting a dog.",
        "Really? What kind of dog?",
        "Something small, my flat in {city} is tiny.",
        "My dog is small too, and he barks all day.",
        "Then maybe a cat.",
        "Cats are easier, I think. I had two as a child.",
        "What were they called?",
        "Salt and Pepper. They slept on my bed.",
    ],
    [
        "Did you get to {city} in the end?",
        "I did! We took the night train.",
        "How was the food there?",
        "Wonderful. I ate far too much bread.",
        "I would love to go there in spring.",
        "We could go together, I know a small hotel.",
        "Tell me when you have time.",
        "After {day} I am free.",
    ],
]

FLIPPED_HELPER = [  # the helper talks as a client
    "I ordered a {thing} three weeks ago and nothing has come. Can you help me?",
    "I want a refund, my {thing} does not work.",
    "Hi, I have a problem with my {thing}. Could you please check it?",
    "I have been waiting for days. When will I get my {thing}?",
    "I would like to cancel my {thing}, please.",
    "My number is {number}. I was charged twice.",
]
FLIPPED_CLIENT = [  # the client talks as a helper
    "How can I help you today?",
    "Let me check that for you. Could you give me your order number?",
    "I apologize for the inconvenience. I have sent a replacement to your address.",
    "Thank you for your patience. Is there anything else I can help you with?",
    "May I have your name and your account number, please?",
    "I can see your {thing} in our system. I will arrange a refund for you.",
]
SELF_ANSWERS = [
    "What is your order number? My order number is {number}.",
    "Could you give me your number? Sure, it's {number}.",
    "Can you tell me your name? Yes, it is {name}.",
    "Do you still have the receipt? Yes, I have it right here.",
]
NAME_CLAIMS = [
    "I am {other}, nice to meet you.",
    "My name is {other}.",
    "{other} speaking, I was just about to say that.",
]
SELF_ADDRESS = ["Thank you, {own}, that helps me a lot.", "Hi {own}, I have a question."]

LEAKS = [
    "<think>The user is angry, so I should stay calm.</think> {said}",
    "As an AI language model, I cannot feel anger. {said}",
    "*sighs deeply* {said}",
    "(smiles) {said}",
    "{said} [pauses and looks at the screen]",
    "You are a customer who wants a refund. Stay in character. {said}",
    "Step 1: I should greet the customer. Step 2: I should ask for the number. {said}",
    "Okay, the user wants to know when it arrives. I need to answer politely. {said}",
    "Thought: the customer has not given the number yet.\n{said}",
    "### Response:\n{said}",
    "I should respond as the customer and keep it short. {said}",
    "<|im_start|>assistant\n{said}",
    "{said} (Note: the reply should be under 30 words.)",
    "My instructions say that I must not reveal my goal at once. {said}",
]

PENDING = [
    "Could you tell me your postcode?",
    "Which day suits you best?",
    "One moment, let me check that for you.",
    "Please send me the number on the label.",
    "Can you explain that again?",
    "I would like to change the address as well.",
    "And what about the",
]

# Last words after which nothing is awaited, though they say no goodbye.
LAST_WORDS = [
    "Please let me know if there is anything else.",
    "Please don't hesitate to contact us.",
    "Please enjoy.",
    "Please feel free to call again.",
    "Kindly reach out should you need anything.",
    "Please come again.",
    "Please leave a review.",
    "I would like to wish you luck.",
    "Great, I would like that.",
    "I would love to.",
    "It is what I am looking for.",
    "That's what it is",
    "Here is what you asked about",
    "A moment later it worked.",
    "Please ring the bell when you arrive.",
    "Please be careful.",
    "One moment of joy is worth it.",
]
