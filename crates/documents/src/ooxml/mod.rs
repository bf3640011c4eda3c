//! What Office Open XML files have in common: a zip archive of XML parts that refer to each other.

mod package;
mod xml;

pub(crate) use package::Package;
pub(crate) use xml::{Attributes, Token, Xml, text_of_first};
