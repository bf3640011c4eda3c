//! Messages (RFC 5322): who, when and about what, the text, and each attachment that can be read.

use mail_parser::{Address, MessageParser, MimeHeaders};

use crate::builder::{PageBuilder, check_characters};
use crate::markup::{html, plain};
use crate::parse::{Way, parse_at};
use crate::{BlockKind, DocumentError, detect};

/// Messages within messages, and attachments of one.
const MAX_DEPTH: u32 = 3;
const MAX_ATTACHMENTS: usize = 200;
/// Headings of an attachment stand below its name.
const LEVEL_BELOW: u8 = 2;

/// Reads a message. Returns its subject.
///
/// # Errors
/// `Unreadable` when it is no message, `LimitExceeded`. An attachment that cannot be read says so in its place.
pub(crate) fn read(bytes: &[u8], way: &Way<'_>, page: &mut PageBuilder) -> Result<Option<String>, DocumentError> {
    let message =
        MessageParser::default().parse(bytes).ok_or_else(|| DocumentError::unreadable("it is no e-mail message"))?;
    let subject = message.subject().map(str::to_owned);
    page.push(BlockKind::Heading { level: 1 }, subject.as_deref().unwrap_or("Message"));
    let date = message.date().map(mail_parser::DateTime::to_rfc3339);
    let who = [("From", message.from()), ("To", message.to()), ("Cc", message.cc())];
    let lines = who.into_iter().filter_map(|(name, address)| Some(format!("{name}: {}", people(address?))));
    let lines: Vec<String> = lines.chain(date.map(|date| format!("Date: {date}"))).collect();
    page.push(BlockKind::Paragraph, &lines.join("\n"));
    if message.text_body_count() > 0 && message.text_part(0).is_some_and(mail_parser::MessagePart::is_text) {
        plain::read(&message.body_text(0).unwrap_or_default(), way.limits, page)?;
    } else if let Some(body) = message.body_html(0) {
        html::read(&body, way.limits, page)?;
    }
    let more = message.attachment_count().saturating_sub(MAX_ATTACHMENTS);
    for attachment in message.attachments().take(MAX_ATTACHMENTS) {
        let name = attachment.attachment_name().unwrap_or("message.eml");
        page.push(BlockKind::Heading { level: LEVEL_BELOW }, &format!("Attachment: {name}"));
        match read_attachment(attachment.contents(), name, &Way { depth: way.depth + 1, ..*way }, page) {
            Ok(()) => {}
            Err(error @ DocumentError::LimitExceeded { .. }) => return Err(error),
            Err(error) => page.push(BlockKind::Paragraph, &format!("This attachment was not read: {error}.")),
        }
    }
    if more > 0 {
        page.push(BlockKind::Paragraph, &format!("{more} more attachments were not read."));
    }
    Ok(subject)
}

fn read_attachment(bytes: &[u8], name: &str, way: &Way<'_>, page: &mut PageBuilder) -> Result<(), DocumentError> {
    if way.depth > MAX_DEPTH {
        return Err(DocumentError::unreadable("it is attached too many messages deep"));
    }
    let format = detect(bytes, name)?;
    parse_at(format, bytes, way, &mut |read| {
        let characters: Vec<char> = read.text.chars().collect();
        for block in &read.blocks {
            let kind = match block.kind {
                BlockKind::Heading { level } => BlockKind::Heading { level: (level + LEVEL_BELOW).min(9) },
                kind => kind,
            };
            page.push(kind, &characters[block.start..block.end].iter().collect::<String>());
        }
        check_characters(page.length() as u64, way.limits)
    })
    .map(drop)
}

fn people(address: &Address<'_>) -> String {
    let person = |person: &mail_parser::Addr<'_>| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    address.iter().map(person).collect::<Vec<_>>().join(", ")
}
