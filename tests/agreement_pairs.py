"""Pairs of sentences of two documents: half contradict each other, half only look alike.

Braces mark the words that answer the question.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Pair:
    """A question, two marked sentences that answer it, and whether both cannot be true.

    `titles` are those of the two documents.
    """

    question: str
    mine: str
    theirs: str
    conflict: bool
    titles: tuple[str, str] = ("", "")


_MINUTES: Final = ("Minutes of 3 March 2025", "Minutes of 7 April 2025")

CONFLICTS: Final = (
    # The same words.
    Pair(
        "How long is the library closed in August?",
        "The library is closed for {two weeks} in August.",
        "The library is closed for {three weeks} in August.",
        conflict=True,
        titles=_MINUTES,
    ),
    Pair(
        "How long is the warranty on the pump?",
        "The warranty on the pump lasts {two years}.",
        "The warranty on the pump is {five years}.",
        conflict=True,
    ),
    Pair(
        "Who chairs the finance committee?",
        "The finance committee is chaired by {Ruth Alder}.",
        "The finance committee is chaired by {Milan Novak}.",
        conflict=True,
        titles=("Board report Q2 2025", "Board report Q3 2025"),
    ),
    Pair(
        "When does the new tram line open?",
        "The new tram line opens on {12 May 2026}.",
        "The new tram line will open on {3 September 2026}.",
        conflict=True,
        titles=("Newsletter 2025-03-03", "Newsletter 2025-11-04"),
    ),
    Pair(
        "How many members does the choir have?",
        "The choir has {forty} members.",
        "The choir now has {52} members.",
        conflict=True,
        titles=("Annual report 2024", "Annual report 2025"),
    ),
    Pair(
        "Are dogs allowed in the park?",
        "Dogs are {allowed} in the park.",
        "Dogs are {not allowed} in the park.",
        conflict=True,
        titles=("Notice, May 2024", "Notice, June 2025"),
    ),
    # Other words.
    Pair(
        "How much does parking cost a month?",
        "Parking costs {20 euros} a month.",
        "The monthly fee for parking is {35 euros}.",
        conflict=True,
    ),
    Pair(
        "What does parking cost?",
        "Parking: {20 euros} a month.",
        "The monthly charge for parking is {\u20ac35}.",
        conflict=True,
    ),
    Pair(
        "What is the annual membership fee?",
        "The annual membership fee is {30 euros}.",
        "Membership costs {45 euros} per year.",
        conflict=True,
        titles=("Minutes of January 14, 2025", "Minutes of February 11, 2025"),
    ),
    Pair(
        "How tall is the water tower?",
        "The water tower is {41 metres} high.",
        "The height of the water tower is {39 m}.",
        conflict=True,
    ),
    Pair(
        "When is the annual meeting?",
        "The annual meeting takes place on {9 May 2026}.",
        "The annual meeting will be held on {16 May 2026}.",
        conflict=True,
    ),
    Pair(
        "When was the mill built?",
        "The mill was built in {1870}.",
        "The mill was constructed in {1878}.",
        conflict=True,
    ),
    Pair(
        "When is the report due?",
        "The report is due on {31 March 2026}.",
        "The deadline for the report is {30 April 2026}.",
        conflict=True,
    ),
    Pair(
        "How long does the crossing take?",
        "The crossing takes {forty minutes}.",
        "The duration of the crossing is {55 minutes}.",
        conflict=True,
    ),
    Pair(
        "What is the entrance fee of the museum?",
        "The entrance fee of the museum is {8 euros}.",
        "From 1 June 2026, the entrance fee of the museum is {10 euros}.",
        conflict=True,
    ),
    Pair(
        "How many people live in Lindholm?",
        "Lindholm has {4,200} inhabitants.",
        "The population of Lindholm is {5,100}.",
        conflict=True,
    ),
    Pair(
        "Who is the head of the museum?",
        "The head of the museum is {Ida Falk}.",
        "{Per Lund} is now head of the museum.",
        conflict=True,
    ),
    Pair(
        "When does the swimming pool open in the morning?",
        "The swimming pool opens at {7:00} in the morning.",
        "In the morning the swimming pool opens at {8:30}.",
        conflict=True,
    ),
    Pair(
        "How much are the fees for late returns?",
        "Late returns cost {50 cents} a day.",
        "The daily charge for late returns is {80 cents}.",
        conflict=True,
    ),
    Pair(
        "What is the speed limit on Mill Road?",
        "The speed limit on Mill Road is {50 km/h}.",
        "On Mill Road the speed limit has been lowered to {30 km/h}.",
        conflict=True,
    ),
    # Too far apart in words: nobody needs to find these without reading.
    Pair(
        "Who runs the canteen?",
        "The canteen is run by {Bergman Catering}.",
        "Since the summer, meals in the canteen come from {Kitchen Nord}.",
        conflict=True,
    ),
    Pair(
        "How long may a guest stay in the hut?",
        "A guest may stay in the hut for {three nights}.",
        "Stays in the hut are limited to {two nights}.",
        conflict=True,
    ),
)

LOOK_ALIKES: Final = (
    # Products, places and persons.
    Pair(
        "What does the lamp cost?",
        "The lamp A20 costs {20 euros}.",
        "The lamp B40 costs {35 euros}.",
        conflict=False,
    ),
    Pair(
        "How long is the warranty?",
        "The warranty lasts {two years}.",
        "The warranty lasts {five years}.",
        conflict=False,
        titles=("Manual X100", "Manual X200"),
    ),
    Pair(
        "How long is the warranty?",
        "The warranty lasts {two years}.",
        "The warranty lasts {five years}.",
        conflict=False,
        titles=("Release notes 3.1", "Release notes 3.2"),
    ),
    Pair(
        "When does the office open?",
        "The office in Oslo opens at {8:00}.",
        "The office in Bergen opens at {9:00}.",
        conflict=False,
    ),
    Pair(
        "When does the office open?",
        "The office opens at {8:00}.",
        "The office opens at {9:00}.",
        conflict=False,
        titles=("Oslo office", "Bergen office"),
    ),
    Pair(
        "How high is the tower?",
        "The north tower is {40 metres} high.",
        "The south tower is {52 metres} high.",
        conflict=False,
    ),
    Pair(
        "What does parking cost?",
        "Parking costs {20 euros} a month.",
        "Bicycle parking costs {5 euros} a month.",
        conflict=False,
    ),
    Pair(
        "What does a ticket cost?",
        "A ticket costs {12 euros}.",
        "A ticket for children costs {6 euros}.",
        conflict=False,
    ),
    Pair(
        "What is the annual fee of the club?",
        "The annual fee of the club is {30 euros}.",
        "The annual fee of the club for students is {15 euros}.",
        conflict=False,
    ),
    # Years and times.
    Pair(
        "How many visitors did the museum have?",
        "In 2023 the museum had {40,000} visitors.",
        "In 2024 the museum had {52,000} visitors.",
        conflict=False,
    ),
    Pair(
        "What did parking cost in 2023?",
        "In 2023 parking cost {20 euros} a month.",
        "Parking costs {35 euros} a month.",
        conflict=False,
    ),
    Pair(
        "How many inhabitants does Lindholm have?",
        "As of 2020 Lindholm had {4,200} inhabitants.",
        "As of 2025 Lindholm had {5,100} inhabitants.",
        conflict=False,
    ),
    Pair(
        "When does the pool open?",
        "In summer the pool opens at {7:00}.",
        "In winter the pool opens at {9:00}.",
        conflict=False,
    ),
    Pair(
        "When does the pool open?",
        "On weekdays the pool opens at {7:00}.",
        "The pool opens at {9:00} on Sundays.",
        conflict=False,
    ),
    Pair(
        "What does parking cost?",
        "Parking costs {2 euros} an hour.",
        "Parking costs {35 euros} a month.",
        conflict=False,
    ),
    # Roles.
    Pair(
        "Who is the director of the school?",
        "The director of the school is {Eva Lind}.",
        "The deputy director of the school is {Tom Hart}.",
        conflict=False,
    ),
    Pair(
        "Who is the secretary of the board?",
        "The secretary of the board is {Ann Ek}.",
        "The treasurer of the board is {Ben Ost}.",
        conflict=False,
    ),
    Pair(
        "Who was the head of the museum?",
        "The head of the museum is {Ida Falk}.",
        "The former head of the museum is {Per Lund}.",
        conflict=False,
    ),
    # Units, kinds and measures.
    Pair(
        "How long is the trail?",
        "The trail is {8 km} long.",
        "The trail is {5 miles} long.",
        conflict=False,
    ),
    Pair(
        "How big is the hall?",
        "The hall is {12 metres} high.",
        "The hall is {30 metres} wide.",
        conflict=False,
    ),
    Pair(
        "How much does the crossing take?",
        "The crossing takes {two hours}.",
        "The crossing takes {120 minutes}.",
        conflict=False,
    ),
    Pair(
        "What does the course include?",
        "The course includes {12 lessons}.",
        "The course includes {3 exams}.",
        conflict=False,
    ),
    Pair(
        "When does the course begin?",
        "The course begins on {3 May 2026}.",
        "The course begins at {9:15}.",
        conflict=False,
    ),
    Pair(
        "When is the meeting?",
        "The meeting takes place on {9 May 2026}.",
        "The meeting takes place {every month}.",
        conflict=False,
    ),
    Pair(
        "When was the lamp lit?",
        "The lamp was lit in {1859}.",
        "The lamp was lit on {4 March}.",
        conflict=False,
    ),
    Pair(
        "What is the deposit for a bicycle?",
        "The deposit for a bicycle is {50 euros}.",
        "The price of a bicycle is {15 euros}.",
        conflict=False,
    ),
    # The question names what one of the two does not.
    Pair(
        "When does the ferry to Gull Point leave?",
        "The ferry to Gull Point leaves at {9:15}.",
        "The ferry leaves at {10:40}.",
        conflict=False,
    ),
    # The same value.
    Pair(
        "How many seats does the hall have?",
        "The hall has {two hundred} seats.",
        "The hall has {200} seats.",
        conflict=False,
    ),
    Pair(
        "How many seats does the hall have?",
        "The hall has {twenty-five} seats.",
        "The hall has {25} seats.",
        conflict=False,
    ),
    Pair(
        "What did the bridge cost?",
        "The bridge cost {1.5 million euros}.",
        "The bridge cost {1,500,000 euros}.",
        conflict=False,
    ),
    Pair(
        "When does the pool open?",
        "The pool opens at {9:00}.",
        "The pool opens at {9 am}.",
        conflict=False,
    ),
    Pair(
        "What does parking cost?",
        "Parking costs {20 euros} a month.",
        "The monthly parking fee is {EUR 20}.",
        conflict=False,
    ),
)

# A second list, written without a look at how the first is judged.
SECOND_LIST: Final = (
    Pair(
        "What is the rent for the community hall?",
        "The rent for the community hall is {120 euros} per evening.",
        "The community hall can be rented for {150 euros} per evening.",
        conflict=True,
    ),
    Pair(
        "When do the summer holidays begin?",
        "The summer holidays begin on {6 July 2026}.",
        "Summer holidays start on {13 July 2026}.",
        conflict=True,
    ),
    Pair(
        "Who is the mayor of Lindholm?",
        "The mayor of Lindholm is {Karin Holt}.",
        "{Lars Berg} is mayor of Lindholm.",
        conflict=True,
    ),
    Pair(
        "How many bikes does the hire station have?",
        "The hire station has {24} bikes.",
        "There are {36} bikes at the hire station.",
        conflict=True,
    ),
    Pair(
        "What is the interest rate of the loan?",
        "The interest rate of the loan is {3.5 percent}.",
        "The loan has an interest rate of {4.1%}.",
        conflict=True,
    ),
    Pair(
        "Where is the assembly point?",
        "The assembly point is {behind the canteen}.",
        "The assembly point is {in front of the gate}.",
        conflict=True,
    ),
    Pair(
        "What time does the last bus leave?",
        "The last bus leaves at {22:40}.",
        "The last bus leaves at {11:15 pm}.",
        conflict=True,
    ),
    Pair(
        "How long is the probation period?",
        "The probation period is {six months}.",
        "The probation period lasts {three months}.",
        conflict=True,
    ),
    Pair(
        "How many days of leave do employees have?",
        "Employees have {28 days} of leave per year.",
        "Employees are entitled to {30 days} of annual leave.",
        conflict=True,
    ),
    Pair(
        "What is the maximum load of the lift?",
        "The maximum load of the lift is {450 kg}.",
        "The lift carries a maximum load of {600 kg}.",
        conflict=True,
    ),
    Pair(
        "When was the bridge opened?",
        "The bridge was opened in {1932}.",
        "The bridge opened in {1935}.",
        conflict=True,
    ),
    Pair(
        "What is the budget of the festival?",
        "The budget of the festival is {80,000 euros}.",
        "The festival has a budget of {95 thousand euros}.",
        conflict=True,
    ),
    Pair(
        "What does the kindergarten cost?",
        "The kindergarten costs {240 euros} a month.",
        "As of 1 August 2026 the kindergarten costs {260 euros} a month.",
        conflict=True,
    ),
    Pair(
        "Is smoking allowed on the terrace?",
        "Smoking is {allowed} on the terrace.",
        "Smoking is {no longer allowed} on the terrace.",
        conflict=True,
    ),
    Pair(
        "How deep is the lake?",
        "The lake is {38 m} deep.",
        "The depth of the lake is {41 metres}.",
        conflict=True,
    ),
    Pair(
        "When does the contract with Nordnet end?",
        "The contract with Nordnet ends on {31 December 2026}.",
        "Our contract with Nordnet was extended and now ends on {31 December 2028}.",
        conflict=True,
    ),
    Pair(
        "What is the salary of the trainee?",
        "The trainee is paid {1,100 euros} a month.",
        "The monthly salary of the trainee is {1,250 euros}.",
        conflict=True,
    ),
    Pair(
        "What is the wifi password?",
        "The wifi password is {bluefish7}.",
        "The wifi password is {redfish9}.",
        conflict=True,
    ),
    Pair(
        "When is waste collected?",
        "Waste is collected on {Tuesdays}.",
        "Waste is collected on {Fridays}.",
        conflict=True,
    ),
    Pair(
        "What is the phone number of the office?",
        "The phone number of the office is {555 1234}.",
        "The phone number of the office is {555 9876}.",
        conflict=True,
    ),
    Pair(
        "What is the latest version?",
        "The latest version is {3.1}.",
        "The latest version is {3.2}.",
        conflict=True,
    ),
    Pair(
        "What is the daily dose?",
        "The daily dose is {20 mg}.",
        "The daily dose is {30 mg}.",
        conflict=True,
    ),
    Pair(
        "How long is the notice period?",
        "The notice period is {4 weeks}.",
        "The period of notice is {six weeks}.",
        conflict=True,
    ),
    Pair(
        "Who is the CEO of Acme?",
        "{Alice Berg} is the CEO of Acme.",
        "The CEO of Acme is {Bo Ash}.",
        conflict=True,
    ),
    Pair(
        "Where is the head office?",
        "The head office is in {Oslo}.",
        "The head office is in {Bergen}.",
        conflict=True,
    ),
    Pair(
        "How much is the grant?",
        "The grant is {5,000 euros} per project.",
        "The grant is {5,000 dollars} per project.",
        conflict=True,
    ),
    Pair(
        "What share of the energy is renewable?",
        "{40%} of the energy is renewable.",
        "{55%} of the energy is renewable.",
        conflict=True,
    ),
    Pair(
        "What is the start time?",
        "The concert starts at {19:30}.",
        "The concert starts at {20:00}.",
        conflict=True,
    ),
    Pair(
        "How many episodes are there?",
        "The series has {8 episodes}.",
        "The series has {10 episodes}.",
        conflict=True,
    ),
    Pair(
        "How old is the tree?",
        "The tree is about {300 years} old.",
        "The tree is {450 years} old.",
        conflict=True,
    ),
    Pair(
        "When does the shop close?",
        "On weekdays the shop closes at {18:00}.",
        "On weekdays the shop closes at {20:00}.",
        conflict=True,
    ),
    Pair(
        "What is the battery capacity?",
        "The battery has {50 kWh}.",
        "The battery has a capacity of {60 kWh}.",
        conflict=True,
    ),
    Pair(
        "What is the rent for the hall?",
        "The rent for the small hall is {120 euros}.",
        "The rent for the large hall is {250 euros}.",
        conflict=False,
    ),
    Pair(
        "When does the exam take place?",
        "The written exam takes place on {3 June 2026}.",
        "The oral exam takes place on {10 June 2026}.",
        conflict=False,
    ),
    Pair(
        "How much does a day ticket cost?",
        "A day ticket costs {9 euros}.",
        "A week ticket costs {38 euros}.",
        conflict=False,
    ),
    Pair(
        "How many employees does the firm have?",
        "The firm has {120} employees.",
        "The firm has {15} employees in Norway.",
        conflict=False,
    ),
    Pair(
        "What was the revenue?",
        "Revenue was {20 million} in the first quarter.",
        "Revenue was {24 million} in the second quarter.",
        conflict=False,
    ),
    Pair(
        "What is the fine for late returns?",
        "The fine for late returns is {5 euros}.",
        "The fine for lost books is {25 euros}.",
        conflict=False,
    ),
    Pair(
        "Who designed the church?",
        "The church was designed by {Otto Wulf}.",
        "The organ of the church was designed by {Emil Hahn}.",
        conflict=False,
    ),
    Pair(
        "When does the store open?",
        "The store opens at {9:00} on Saturdays.",
        "The store opens at {8:00}.",
        conflict=False,
    ),
    Pair(
        "How long is the tunnel?",
        "The tunnel is {2 km} long.",
        "The old tunnel is {900 m} long.",
        conflict=False,
    ),
    Pair(
        "When was the house built?",
        "The house was built in {1890}.",
        "The house was rebuilt in {1948}.",
        conflict=False,
    ),
    Pair(
        "What is the minimum age?",
        "The minimum age is {16}.",
        "The maximum age is {65}.",
        conflict=False,
    ),
    Pair(
        "What is the temperature?",
        "The average temperature is {8 degrees}.",
        "The highest temperature is {31 degrees}.",
        conflict=False,
    ),
    Pair(
        "How many goals did Berg score?",
        "Berg scored {12 goals} in the league.",
        "Berg scored {3 goals} in the cup.",
        conflict=False,
    ),
    Pair(
        "When was she born?", "She was born in {1950}.", "She was born in {Oslo}.", conflict=False
    ),
    Pair(
        "What is the price?",
        "The price is {20 euros}.",
        "The price rose by {3 euros}.",
        conflict=False,
    ),
    Pair(
        "How much was the fee raised?",
        "The fee was raised by {5 euros}.",
        "The fee is {30 euros}.",
        conflict=False,
    ),
    Pair(
        "When does the train leave?",
        "The train to Kiel leaves at {9:10}.",
        "The train from Kiel leaves at {9:40}.",
        conflict=False,
    ),
    Pair(
        "When does the train leave?",
        "The train to Kiel leaves at {9:10}.",
        "The train leaves Kiel at {9:40}.",
        conflict=False,
    ),
    Pair(
        "Who won?",
        "The race was won by {Anna Ek} in 2024.",
        "The race was won by {Mia Lund} in 2025.",
        conflict=False,
    ),
    Pair(
        "How many rooms does the hotel have?",
        "The hotel has {40 rooms}.",
        "The hotel has {85 beds}.",
        conflict=False,
    ),
    Pair(
        "Who teaches music?",
        "Music is taught by {Ana Berg}.",
        "Music is taught by {two teachers}.",
        conflict=False,
    ),
    Pair(
        "When is the deadline?",
        "The deadline is {31 March}.",
        "The deadline is {noon}.",
        conflict=False,
    ),
    Pair(
        "What is the deposit?",
        "The deposit is {50 euros}.",
        "The deposit is {two months' rent}.",
        conflict=False,
    ),
    Pair(
        "How long does it last?",
        "The battery lasts {ten hours}.",
        "The battery lasts {four hours} with the screen on.",
        conflict=False,
    ),
    Pair(
        "How long do they keep the data?",
        "The data are kept for {30 days}.",
        "The logs are kept for {90 days}.",
        conflict=False,
    ),
    Pair(
        "Who is on call?",
        "{Ruth Alder} is on call on Monday.",
        "{Milan Novak} is on call on Tuesday.",
        conflict=False,
    ),
    Pair(
        "What is the capacity?",
        "The hall has {200 seats}.",
        "The hall holds {350 people}.",
        conflict=False,
    ),
    Pair(
        "How far is it?",
        "The lake is {5 km} from the station.",
        "The lake is {12 km} from the airport.",
        conflict=False,
    ),
    Pair(
        "How many pages?",
        "Volume one has {300 pages}.",
        "Volume two has {280 pages}.",
        conflict=False,
    ),
    Pair(
        "What does the audit cost?",
        "The audit costs {4,000 euros}.",
        "The audit costs {4,760 euros} including tax.",
        conflict=False,
    ),
    Pair(
        "What does the audit cost?",
        "The net price of the audit is {4,000 euros}.",
        "The gross price of the audit is {4,760 euros}.",
        conflict=False,
    ),
    Pair(
        "When does the shop open?",
        "The shop opens at {8:00}.",
        "The shop closes at {18:00}.",
        conflict=False,
    ),
    Pair(
        "How many members?",
        "The choir has {40 members}.",
        "The choir had {52 members}.",
        conflict=False,
    ),
    Pair(
        "When did it start?",
        "The course started in {May}.",
        "The course starts in {September}.",
        conflict=False,
    ),
    Pair(
        "How long is the guarantee?",
        "The guarantee is {2 years} for parts.",
        "The guarantee is {5 years} for labour.",
        conflict=False,
    ),
    Pair(
        "What is the fee?", "The fee is {10 to 20 euros}.", "The fee is {15 euros}.", conflict=False
    ),
    Pair(
        "What is the fee?",
        "The fee is at least {10 euros}.",
        "The fee is {15 euros}.",
        conflict=False,
    ),
    Pair(
        "How many visitors came?",
        "More than {300} visitors came.",
        "{312} visitors came.",
        conflict=False,
    ),
    Pair(
        "How many visitors came?",
        "About {300} visitors came.",
        "{312} visitors came.",
        conflict=False,
    ),
    Pair(
        "How many parking spaces are there?",
        "There are {60} parking spaces behind the house.",
        "There are {45} parking spaces in front of the house.",
        conflict=False,
    ),
    Pair(
        "What is the guest password?",
        "The guest password is {bluefish7}.",
        "The admin password is {redfish9}.",
        conflict=False,
    ),
    Pair(
        "When is paper collected?",
        "Paper is collected on {Tuesdays}.",
        "Glass is collected on {Fridays}.",
        conflict=False,
    ),
    Pair(
        "Which version is supported?",
        "Version {3.1} is supported.",
        "Version {3.2} is supported.",
        conflict=False,
    ),
    Pair(
        "What is the dose?",
        "The dose for adults is {20 mg}.",
        "The dose is {10 mg}.",
        conflict=False,
    ),
    Pair(
        "How long is the notice period?",
        "The notice period is {4 weeks} during probation.",
        "The notice period is {3 months}.",
        conflict=False,
    ),
    Pair(
        "Who is the CEO of Acme?",
        "{Alice Berg} is the CEO of Acme.",
        "Acme's CEO {Bo Ash} resigned.",
        conflict=False,
    ),
    Pair(
        "Who is the CEO?", "Acme's CEO is {Alice Berg}.", "Zenit's CEO is {Bo Ash}.", conflict=False
    ),
    Pair(
        "Where is the office?",
        "The head office is in {Oslo}.",
        "The branch office is in {Bergen}.",
        conflict=False,
    ),
    Pair(
        "What share of women work there?",
        "{40%} of the managers are women.",
        "{55%} of the staff are women.",
        conflict=False,
    ),
    Pair(
        "What is the start time?",
        "The concert starts at {19:30}.",
        "Doors open at {18:30}.",
        conflict=False,
    ),
    Pair(
        "When was the law passed?",
        "The law was passed in {2019}.",
        "The law came into force in {2021}.",
        conflict=False,
    ),
    Pair(
        "How many episodes are there?",
        "The first season has {8 episodes}.",
        "The second season has {10 episodes}.",
        conflict=False,
    ),
    Pair(
        "What was the profit?",
        "Profit fell to {3 million euros}.",
        "Profit fell by {3 percent}.",
        conflict=False,
    ),
    Pair(
        "What is the tax rate?",
        "The tax rate is {19%}.",
        "The tax rate is {7%} for books.",
        conflict=False,
    ),
    Pair(
        "What is the record?",
        "The record is {9.58 seconds}.",
        "The record is {19.19 seconds} over 200 m.",
        conflict=False,
    ),
    Pair(
        "Who wrote the report?",
        "The report was written by {Ann Ek}.",
        "The summary was written by {Ben Ost}.",
        conflict=False,
    ),
    Pair(
        "How long is the shop open?",
        "The shop is open until {18:00}.",
        "The shop is open from {9:00}.",
        conflict=False,
    ),
    Pair(
        "How long is the shop open?",
        "The shop is open {until 18:00}.",
        "The shop is open {from 9:00}.",
        conflict=False,
    ),
    Pair(
        "How much is the discount?",
        "Members get {10%} off.",
        "Students get {20%} off.",
        conflict=False,
    ),
    Pair(
        "How many pupils are in a class?",
        "A class has {24} pupils.",
        "A class has {28} pupils at most.",
        conflict=False,
    ),
    Pair(
        "When did the war end?",
        "The war ended in {1945}.",
        "The war in the east ended in {1946}.",
        conflict=False,
    ),
    Pair(
        "What is the boiling point?",
        "Water boils at {100 degrees}.",
        "Water boils at {90 degrees} at 3,000 m.",
        conflict=False,
    ),
    Pair(
        "What is the height of the mountain?",
        "The mountain is {2,962 m} high.",
        "At {2,964 m}, the mountain is the highest.",
        conflict=False,
    ),
    Pair("How many goals?", "The team won {3:1}.", "The team won {2:0}.", conflict=False),
)

# A third one, for which the same is true of both.
THIRD_LIST: Final = (
    Pair(
        "What is the water temperature of the pool?",
        "The water temperature of the pool is {26 degrees}.",
        "The pool has a water temperature of {28 degrees}.",
        conflict=True,
    ),
    Pair(
        "When is the market held?",
        "The market is held on {Saturdays}.",
        "The market takes place on {Sundays}.",
        conflict=True,
    ),
    Pair(
        "How many volunteers does the shelter have?",
        "The shelter has {35} volunteers.",
        "The shelter counts on {48} volunteers.",
        conflict=True,
    ),
    Pair(
        "What is the deadline for applications?",
        "Applications are due by {15 March 2026}.",
        "The deadline for applications is {1 April 2026}.",
        conflict=True,
    ),
    Pair(
        "Which room is the archive in?",
        "The archive is in {room 12}.",
        "The archive is in {room 40}.",
        conflict=True,
    ),
    Pair(
        "How much does a copy cost?",
        "A copy costs {10 cents}.",
        "The price of a copy is {15 cents}.",
        conflict=True,
    ),
    Pair(
        "How long are tickets valid?",
        "Tickets are valid for {90 minutes}.",
        "Tickets are valid for {120 minutes}.",
        conflict=True,
    ),
    Pair(
        "Who trains the team?",
        "The team is trained by {Jo Falk}.",
        "The trainer of the team is {Kim Dahl}.",
        conflict=True,
    ),
    Pair(
        "What is the speed of the lift?",
        "The lift moves at {2 m/s}.",
        "The lift moves at {3 m/s}.",
        conflict=True,
    ),
    Pair(
        "When will the road reopen?",
        "The road will reopen on {5 May 2026}.",
        "The road will reopen on {19 May 2026}.",
        conflict=True,
    ),
    Pair(
        "How many steps lead to the top?",
        "{312} steps lead to the top.",
        "{298} steps lead to the top.",
        conflict=True,
    ),
    Pair(
        "Can I pay by card?",
        "Payment by card is {possible}.",
        "Payment by card is {not possible}.",
        conflict=True,
    ),
    Pair(
        "How long are tickets valid?",
        "Tickets are valid for {90 minutes}.",
        "Tickets are valid for {two hours}.",
        conflict=False,
    ),
    Pair(
        "Who trains the team?",
        "The team is trained by {Jo Falk}.",
        "The youth team is trained by {Kim Dahl}.",
        conflict=False,
    ),
    Pair(
        "How many steps lead to the top?",
        "{312} steps lead to the top.",
        "{298} steps lead to the platform.",
        conflict=False,
    ),
    Pair(
        "What does the course cost?",
        "The course costs {80 euros} for members.",
        "The course costs {110 euros} for guests.",
        conflict=False,
    ),
    Pair(
        "When is the library open?",
        "The library is open on {Mondays}.",
        "The library is open on {Thursdays}.",
        conflict=False,
    ),
    Pair(
        "Which languages are taught?",
        "{French} is taught at the school.",
        "{Spanish} is taught at the school.",
        conflict=False,
    ),
    Pair(
        "Who is on the board?",
        "{Ann Ek} is a member of the board.",
        "{Ben Ost} is a member of the board.",
        conflict=False,
    ),
    Pair(
        "Where are the branches?",
        "The firm has a branch in {Oslo}.",
        "The firm has a branch in {Bergen}.",
        conflict=False,
    ),
    Pair(
        "Which products are made there?",
        "The plant makes {valves}.",
        "The plant makes {pumps}.",
        conflict=False,
    ),
    Pair(
        "Who signed the treaty?",
        "The treaty was signed by {France}.",
        "The treaty was signed by {Spain}.",
        conflict=False,
    ),
    Pair(
        "When was the house renovated?",
        "The house was renovated in {1950}.",
        "The house was renovated in {1987}.",
        conflict=False,
    ),
    Pair(
        "What was found?",
        "Divers found {a coin} in the lake.",
        "Divers found {an anchor} in the lake.",
        conflict=False,
    ),
    Pair(
        "When did she visit?",
        "She visited the island in {1990}.",
        "She visited the island in {1995}.",
        conflict=False,
    ),
    Pair(
        "What does the box contain?",
        "The box contains {12 screws}.",
        "The box contains {4 bolts}.",
        conflict=False,
    ),
    Pair(
        "How much was donated?",
        "The bank donated {5,000 euros}.",
        "The bakery donated {300 euros}.",
        conflict=False,
    ),
    Pair(
        "Which river?",
        "The town lies on {the Ald}.",
        "The town lies on {the coast}.",
        conflict=False,
    ),
    Pair(
        "What is the fee?",
        "The fee is {20 euros} for adults.",
        "Adults pay {25 euros} in July.",
        conflict=False,
    ),
    Pair(
        "What is the limit?", "The lower limit is {5}.", "The upper limit is {9}.", conflict=False
    ),
    Pair("When is low tide?", "Low tide is at {6:10}.", "High tide is at {12:20}.", conflict=False),
    Pair(
        "What is the score?", "The median score is {61}.", "The mean score is {64}.", conflict=False
    ),
    Pair(
        "How many died?",
        "{12} people died in the storm.",
        "{12,000} people died in the war.",
        conflict=False,
    ),
)

PAIRS: Final = (*CONFLICTS, *LOOK_ALIKES, *SECOND_LIST, *THIRD_LIST)
