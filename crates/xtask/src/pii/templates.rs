//! Made-up examples: templates filled with made-up values, written as people write.

use millwright_policy::pii::tagger::TaggedKind as Kind;

use super::{
    example::Example,
    lists::TRADE_WORDS,
    random::Random,
    values::{self, Values},
};

const TEMPLATES: &str = include_str!("../../data/templates.txt");

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "Januar",
    "Mai",
    "Oktober",
];

/// The templates, one a line.
pub(crate) fn templates() -> Vec<String> {
    let lines = TEMPLATES.lines().filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("# ") || line.contains('{')).map(|line| line.replace("\\n", "\n")).collect()
}

/// An example from one or two templates.
///
/// `plain` are words that name nobody.
pub(crate) fn example(random: &mut Random, values: &Values, templates: &[String], plain: &[String]) -> Example {
    let mut example = Example::default();
    let template: &String = random.choose(templates);
    fill(random, values, template, plain, &mut example);
    if random.percent(35) {
        example.push(random.pick(&[" ", "\n", "\n\n", "  "]));
        let template: &String = random.choose(templates);
        fill(random, values, template, plain, &mut example);
    }
    recase(random, example)
}

/// Now and then all in lower case or all in capitals, without the full stop at the end.
fn recase(random: &mut Random, mut example: Example) -> Example {
    let ends_plainly = example.spans.last().is_none_or(|span| span.end < example.text.len());
    if random.percent(15) && ends_plainly && example.text.ends_with('.') {
        example.text.pop();
    }
    match random.below(100) {
        0..=12 => example.map(str::to_lowercase),
        13..=15 => example.map(str::to_uppercase),
        _ => example,
    }
}

fn fill(random: &mut Random, values: &Values, template: &str, plain: &[String], example: &mut Example) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        example.push(before);
        let name = after.split('}').next().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            example.push("{");
            rest = after;
            continue;
        }
        let after = after.get(name.len() + 1..).unwrap_or_default();
        match value(random, values, plain, name) {
            (value, Some(kind)) => example.push_value(&value, kind),
            (value, None) => example.push(&value),
        }
        rest = after;
    }
    example.push(rest);
}

fn value(random: &mut Random, values: &Values, plain: &[String], name: &str) -> (String, Option<Kind>) {
    let (value, kind) = match name {
        "person" => (values.person(random), Kind::Person),
        "given" => (values.given(random), Kind::Person),
        "surname" => (values.surname(random), Kind::Person),
        "mr" => (Values::honorific(random).to_owned(), Kind::Title),
        "job" => (values.job(random), Kind::Title),
        "org" => (values.organisation(random), Kind::Organization),
        "city" => (values.city(random), Kind::Gpe),
        "country" => (values.country(random), Kind::Gpe),
        "address" => (values.address(random), Kind::StreetAddress),
        "street" => (values.street(random), Kind::StreetAddress),
        "snum" => (Values::number(random), Kind::StreetAddress),
        "unit" => (Values::unit(random), Kind::StreetAddress),
        "azip" => (Values::zip(random), Kind::StreetAddress),
        "zip" => (Values::zip(random), Kind::ZipCode),
        "nrp" => (Values::group(random).to_owned(), Kind::Nrp),
        "age" => (random.between(1, 99).to_string(), Kind::Age),
        "plain" => return (random.choose(plain).clone(), None),
        "Plain" => return (capitalised(random.choose::<String>(plain)), None),
        other => return (filler(random, other), None),
    };
    (value.trim().to_owned(), Some(kind))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Values that are not the tagger's business.
fn filler(random: &mut Random, name: &str) -> String {
    let digits = |random: &mut Random, count: usize| -> String {
        (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect()
    };
    match name {
        "month" => random.pick(MONTHS).to_owned(),
        "date" => match random.below(5) {
            0 => format!("{}/{}/{}", random.between(1, 12), random.between(1, 28), random.between(1940, 2026)),
            1 => format!("{:02}.{:02}.{}", random.between(1, 28), random.between(1, 12), random.between(1940, 2026)),
            2 => format!("{}-{:02}-{:02}", random.between(1940, 2026), random.between(1, 12), random.between(1, 28)),
            3 => format!("{} {}", random.pick(MONTHS), random.between(1, 28)),
            _ => random.pick(&["Monday", "Tuesday", "Friday", "Sunday", "Montag", "yesterday", "last week"]).to_owned(),
        },
        "time" => format!("{}:{:02}", random.between(0, 23), random.below(60)),
        "phone" => match random.below(4) {
            0 => format!("+{} {} {}", random.between(1, 99), digits(random, 3), digits(random, 7)),
            1 => format!("{}-{}-{}", digits(random, 3), digits(random, 3), digits(random, 4)),
            2 => format!("0{} {} {}", digits(random, 3), digits(random, 3), digits(random, 3)),
            _ => format!("({}) {} {}", digits(random, 3), digits(random, 3), digits(random, 4)),
        },
        "email" => format!("user{}@example.org", digits(random, 3)),
        "url" => format!("https://www.example.org/{}", digits(random, 4)),
        "money" => format!(
            "{}{} {}",
            random.pick(&["$", "€", "EUR ", "US$"]),
            random.between(1, 999),
            random.pick(&["million", "", "thousand"])
        ),
        "product" => product(random),
        "path" => {
            let folder = product(random).to_lowercase().replace(' ', "-");
            format!(
                "{}{folder}/{}-{}",
                random.pick(&["", "../", "/usr/", "6"]),
                random.pick(&["rv", "img", "a", "fig"]),
                digits(random, 3)
            )
        }
        "part" => format!(
            "{}{}{}",
            random.pick(&["A", "BX", "6ES7-", "DIN ", "SKF ", "R", "K1-", "ET", "MX-"]),
            digits(random, 4),
            random.pick(&["", "-A", "/2", "C"])
        ),
        _ => {
            let count = random.between(1, 5);
            digits(random, count)
        }
    }
}

/// A name of a product, signal or program: no person, whatever it looks like.
fn product(random: &mut Random) -> String {
    if random.percent(40) {
        return random.pick(TRADE_WORDS).to_owned();
    }
    let word =
        values::syllables(random, 1, 2, &["", "", "os", "ex", "on", "CAM", "Soft", "tec", "net", "ix", "y", "er"]);
    match random.below(12) {
        0..=1 => word.to_uppercase(),
        2..=3 => word.to_lowercase(),
        4 => format!("{word} {}", values::syllables(random, 1, 1, &["", "er", "o"])),
        5 => format!("{word}{}", random.between(1, 99)),
        6 => word.chars().take(2).collect(),
        _ => word,
    }
}

/// The text of a record with other values in the place of its own.
pub(crate) fn refill(random: &mut Random, values: &Values, old: &Example) -> Example {
    let mut example = Example::default();
    let mut at = 0;
    let mut known: Vec<(&str, String)> = Vec::new();
    for span in &old.spans {
        let value = &old.text[span.start..span.end];
        example.push(&other_digits(random, &old.text[at..span.start]));
        let fresh = match known.iter().find(|(seen, _)| *seen == value) {
            Some((_, fresh)) => fresh.clone(),
            None => like(random, values, value, span.kind),
        };
        example.push_value(&fresh, span.kind);
        known.push((value, fresh));
        at = span.end;
    }
    example.push(&other_digits(random, &old.text[at..]));
    recase(random, example)
}

/// Long numbers (cards, telephones) with other digits.
fn other_digits(random: &mut Random, text: &str) -> String {
    if text.chars().filter(char::is_ascii_digit).count() < 7 {
        return text.to_owned();
    }
    text.chars().map(|c| if c.is_ascii_digit() { char::from(b'0' + random.below(10) as u8) } else { c }).collect()
}

fn like(random: &mut Random, values: &Values, old: &str, kind: Kind) -> String {
    let words = old.split_whitespace().count();
    let fresh = match kind {
        Kind::Person => values.person_like(random, words),
        Kind::StreetAddress => values.address_like(random, old),
        Kind::Organization => values.organisation(random),
        Kind::Gpe if old.len() <= 3 => old.to_owned(),
        Kind::Gpe => {
            if random.percent(65) {
                values.city(random)
            } else {
                values.country(random)
            }
        }
        Kind::Title if words == 1 && old.len() < 6 => Values::honorific(random).to_owned(),
        Kind::Title => values.job(random),
        Kind::Nrp => Values::group(random).to_owned(),
        Kind::Age => random.between(1, 99).to_string(),
        Kind::ZipCode => Values::zip(random),
    };
    let fresh = fresh.trim();
    if old.chars().any(char::is_alphabetic) && old.to_lowercase() == old {
        fresh.to_lowercase()
    } else {
        fresh.to_owned()
    }
}
