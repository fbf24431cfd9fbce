//! What of an SVG may come before `usvg`: it expands every `use`, converts a mask once for each who wears it, and recurses into
//! all of them, so that a few hundred bytes could become anything (the billion laughs of elements).
//!
//! [`Census`] counts what the elements become, and what it takes to read them: an element, its children, and what each reference of it drags in. A reference is
//! any `#name` in an attribute, in `style` or in a rule of a style sheet that matches; those that are inherited count for all
//! below. It counts too much rather than too little. A file that refers into itself has no end, and is refused for its depth.

use std::cell::Cell;
use std::collections::HashMap;

use resvg::usvg::roxmltree::{Document, Node, NodeId, ParsingOptions};
use simplecss::{AttributeOperator, DeclarationTokenizer, Element, PseudoClass, Rule, StyleSheet};

use super::super::error::ImageError;

/// Most bytes of a file.
const MOST_BYTES: usize = 2 << 20;

/// Most nodes of a file: elements, comments, texts between them.
const MOST_NODES: u32 = 50_000;

/// Most elements that they become.
const MOST_ELEMENTS: u64 = 100_000;

/// Deepest that elements and what they refer to may stand in each other: the libraries recurse, on a stack of 2 MiB.
const MOST_DEPTH: u32 = 48;

/// Most steps to them all: bytes of attributes that are read, selectors that are tried, declarations that are taken over. A
/// file's own bytes are fewer; a `use` has them all read again.
const MOST_STEPS: u64 = 20_000_000;

/// Most attributes of an element: the reader compares each with each.
const MOST_ATTRIBUTES: usize = 256;

/// Most bytes of an attribute that is no outline: all elements below may read it again.
const LONGEST_ATTRIBUTE_BYTES: usize = 2048;

/// Most references of an element, and most that it inherits.
const MOST_REFERENCES: usize = 64;
const MOST_INHERITED: usize = 16;

/// Ends a name in a reference, of whatever kind that is.
const ENDS_A_NAME: fn(char) -> bool = |it| it.is_whitespace() || matches!(it, '"' | '\'' | '(' | ')' | ';' | ',' | '#');

/// The namespace; elements of others are passed over.
const SVG: &str = "http://www.w3.org/2000/svg";

/// Elements that would be left out of the picture.
const NOT_DRAWN: [(&str, &str); 3] = [
    ("text", "svg with text, which must be made outlines first"),
    ("image", "svg with a picture in it"),
    ("foreignObject", "svg with a page in it"),
];

/// The document, and what its tree holds together with it, in bytes, at most.
pub(super) fn read(source: &[u8]) -> Result<(Document<'_>, u64), ImageError> {
    if source.len() > MOST_BYTES {
        return Err(ImageError::SourceTooLarge);
    }
    let text = std::str::from_utf8(source).map_err(|_| ImageError::FormatUnsupported("svg that is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    if text.contains("<!ENTITY") {
        return Err(ImageError::FormatUnsupported("svg with entities"));
    }
    if text.split('<').any(|tag| attributes(tag) > MOST_ATTRIBUTES) {
        return Err(ImageError::SourceTooLarge);
    }
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        resvg::usvg::roxmltree::Error::NodesLimitReached => ImageError::SourceTooLarge,
        _ => ImageError::Broken("the SVG is no well-formed XML"),
    })?;
    if document.root_element().tag_name().name() != "svg" {
        return Err(ImageError::NotAnImage("it is markup of something else"));
    }
    for node in document.descendants().filter(|node| matches!(node.tag_name().namespace(), None | Some(SVG))) {
        let name = node.tag_name().name();
        if let Some((_, what)) = NOT_DRAWN.iter().find(|(element, _)| *element == name) {
            return Err(ImageError::FormatUnsupported(what));
        }
        let refers_outside = |value: &str| !value.trim_start().starts_with('#');
        let is_link = matches!(name, "a" | "script");
        if !is_link && node.attributes().any(|held| held.name() == "href" && refers_outside(held.value())) {
            return Err(ImageError::FormatUnsupported("svg that refers to other files"));
        }
    }
    let tally = Census::of(&document)?.of_element(document.root_element(), 0)?;
    if tally.elements > MOST_ELEMENTS || tally.steps > MOST_STEPS {
        return Err(ImageError::SourceTooLarge);
    }
    let tree_bytes = tally.elements * 1024 + tally.vertices * 32 + source.len() as u64 * 8;
    Ok((document, tree_bytes))
}

/// Values in quotes up to the tag's end.
fn attributes(tag: &str) -> usize {
    let (mut count, mut quote) = (0, None);
    for byte in tag.bytes() {
        match (byte, quote) {
            (b'>', None) => break,
            (b'"' | b'\'', None) => (count, quote) = (count + 1, Some(byte)),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    count
}

/// What an element becomes, with everything below it and everything that it refers to.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    elements: u64,
    /// Of its outlines, at most: a marker stands at each.
    vertices: u64,
    steps: u64,
    depth: u32,
}

/// A reference by name.
#[derive(Clone, Copy, PartialEq)]
struct Reference<'a, 'input> {
    to: Node<'a, 'input>,
    is_inherited: bool,
}

struct Census<'a, 'input> {
    references: HashMap<NodeId, Vec<Reference<'a, 'input>>>,
    /// What finding the references took.
    steps: HashMap<NodeId, u64>,
    tallies: HashMap<NodeId, Tally>,
}

impl<'a, 'input> Census<'a, 'input> {
    fn of(document: &'a Document<'input>) -> Result<Self, ImageError> {
        let mut names = HashMap::new();
        let elements: Vec<_> = document.descendants().filter(Node::is_element).collect();
        for element in &elements {
            let Some(name) = element.attribute("id") else { continue };
            // A reference to such a name ends elsewhere for each who reads it, and which of two is meant, too.
            if name.contains(ENDS_A_NAME) || names.insert(name, *element).is_some() {
                return Err(ImageError::FormatUnsupported("svg whose ids are not names, or not of one element each"));
            }
        }
        let named = |property: &str, value: &str| {
            let is_inherited = matches!(property, "fill" | "stroke") || property.starts_with("marker");
            let words = value.split('#').skip(1).filter_map(|rest| rest.split(ENDS_A_NAME).next());
            let found = words.filter_map(|name| names.get(name)).map(move |to| Reference { to: *to, is_inherited });
            found.collect::<Vec<_>>()
        };
        let mut sheet = StyleSheet::new();
        for style in elements.iter().filter(|element| element.tag_name().name() == "style") {
            sheet.parse_more(style.text().unwrap_or_default());
        }
        let of_rule = |rule: &Rule<'_>| {
            let found = rule.declarations.iter().flat_map(|held| named(held.name, held.value));
            found.collect::<Vec<_>>()
        };
        let bytes = |rule: &Rule<'_>| rule.declarations.iter().map(|held| 8 + held.value.len()).sum::<usize>();
        if sheet.rules.iter().flat_map(|rule| &rule.declarations).any(|held| held.value.len() > LONGEST_ATTRIBUTE_BYTES)
        {
            return Err(ImageError::SourceTooLarge);
        }
        let rules: Vec<_> = sheet.rules.iter().map(|rule| (rule, of_rule(rule))).collect();
        let (taken, mut steps) = (Cell::new(0), HashMap::new());
        let mut references = HashMap::<NodeId, Vec<Reference<'_, '_>>>::new();
        for element in elements {
            let above = element.parent().and_then(|parent| references.get(&parent.id())).into_iter().flatten();
            let mut own: Vec<_> = above.filter(|held| held.is_inherited).copied().collect();
            if own.len() > MOST_INHERITED {
                return Err(ImageError::SourceTooLarge);
            }
            let mut add = |found: Vec<Reference<'a, 'input>>| {
                found.into_iter().for_each(|one| {
                    if !own.contains(&one) {
                        own.push(one)
                    }
                });
            };
            let before = taken.get();
            for held in element.attributes() {
                let is_outline = matches!(held.name(), "d" | "points");
                if held.value().len() > LONGEST_ATTRIBUTE_BYTES && !is_outline {
                    return Err(ImageError::SourceTooLarge);
                }
                taken.set(taken.get() + held.value().len() as u64);
                match held.name() {
                    "id" | "d" | "points" => {}
                    "style" => {
                        DeclarationTokenizer::from(held.value()).for_each(|one| add(named(one.name, one.value)));
                    }
                    name => add(named(name, held.value())),
                }
            }
            for (rule, found) in &rules {
                if rule.selector.matches(&Matched(element, &taken)) {
                    taken.set(taken.get() + bytes(rule) as u64);
                    add(found.clone());
                }
            }
            if own.len() > MOST_REFERENCES || taken.get() > MOST_STEPS {
                return Err(ImageError::SourceTooLarge);
            }
            steps.insert(element.id(), taken.get() - before);
            if !own.is_empty() {
                references.insert(element.id(), own);
            }
        }
        Ok(Self { references, steps, tallies: HashMap::new() })
    }

    fn of_element(&mut self, element: Node<'a, 'input>, depth: u32) -> Result<Tally, ImageError> {
        const TOO_DEEP: ImageError = ImageError::FormatUnsupported("svg nested too deeply, or into itself");
        if let Some(known) = self.tallies.get(&element.id()) {
            return if depth + known.depth > MOST_DEPTH { Err(TOO_DEEP) } else { Ok(*known) };
        }
        if depth >= MOST_DEPTH {
            return Err(TOO_DEEP);
        }
        let path = ["d", "points"].iter().filter_map(|name| element.attribute(*name)).map(str::len).sum::<usize>();
        let steps = self.steps.get(&element.id()).copied().unwrap_or_default();
        let mut tally = Tally { elements: 1, vertices: path as u64 / 2 + 1, steps, depth: 1 };
        for child in element.children().filter(Node::is_element) {
            tally.add(self.of_element(child, depth + 1)?, 1);
        }
        let references = self.references.get(&element.id()).cloned().unwrap_or_default();
        // Who wears it: the element, and what a `use` puts below it.
        let mut wearers = Tally { vertices: tally.vertices, ..Tally { elements: 1, ..Tally::default() } };
        for reference in references.iter().filter(|held| !held.is_inherited) {
            let found = self.of_element(reference.to, depth + 1)?;
            wearers.add(found, 1);
            tally.add(found, 1);
        }
        for reference in references.iter().filter(|held| held.is_inherited) {
            let is_marker = reference.to.tag_name().name() == "marker";
            let times = if is_marker { wearers.vertices } else { wearers.elements };
            tally.add(self.of_element(reference.to, depth + 1)?, times);
        }
        self.tallies.insert(element.id(), tally);
        Ok(tally)
    }
}

impl Tally {
    fn add(&mut self, other: Self, times: u64) {
        self.elements = self.elements.saturating_add(other.elements.saturating_mul(times));
        self.vertices = self.vertices.saturating_add(other.vertices.saturating_mul(times));
        self.steps = self.steps.saturating_add(other.steps.saturating_mul(times));
        self.depth = self.depth.max(other.depth + 1);
    }
}

/// What a selector asks of an element, answered as `usvg` does. Selectors are tried in every way in which they could match, which
/// in long ones has no end: each question is a step, and after the last of them nothing matches.
struct Matched<'a, 'input, 'steps>(Node<'a, 'input>, &'steps Cell<u64>);

impl<'a, 'input> Matched<'a, 'input, '_> {
    fn step(&self, steps: usize) -> bool {
        self.1.set(self.1.get() + steps as u64);
        self.1.get() <= MOST_STEPS
    }

    fn other(&self, node: Option<Node<'a, 'input>>) -> Option<Self> {
        node.filter(|_| self.step(1)).map(|node| Self(node, self.1))
    }
}

impl Element for Matched<'_, '_, '_> {
    fn parent_element(&self) -> Option<Self> {
        self.other(self.0.parent_element())
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        self.other(self.0.prev_sibling_element())
    }

    fn has_local_name(&self, name: &str) -> bool {
        self.step(1) && self.0.tag_name().name() == name
    }

    fn attribute_matches(&self, name: &str, operator: AttributeOperator<'_>) -> bool {
        self.0.attribute(name).is_some_and(|value| self.step(1 + value.len() / 16) && operator.matches(value))
    }

    fn pseudo_class_matches(&self, class: PseudoClass<'_>) -> bool {
        self.step(1) && matches!(class, PseudoClass::FirstChild) && self.0.prev_sibling_element().is_none()
    }
}
