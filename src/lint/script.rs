//! Scripts of `run` steps as they are written: their text, their commands, and where each byte of
//! them stands in the config.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use super::remarks::cover;
use super::shell::{self, Command};
use crate::circleci::Compiled;
use crate::hash::HashMap;
use crate::plan::Located;
use crate::yaml::{Location, Source, SourceId, Sources, TextMap, Tree, parse};

/// One script.
#[derive(Debug)]
pub(super) struct Script {
    /// The text with blocks and quotes undone, templates as they are written.
    pub(super) text: String,
    /// Its commands.
    pub(super) commands: Vec<Command>,
    map: TextMap,
    source: SourceId,
    /// Whether it is a text of its own, which knows no templates.
    pub(super) plain: bool,
}

impl Script {
    /// Returns where a range of the text stands.
    pub(super) fn at(&self, range: Range<usize>) -> Location {
        Location::new(self.source, self.map.span(range))
    }

    /// Returns where a command stands: its words, from the first to the last.
    pub(super) fn command_at(&self, command: &Command) -> Location {
        let start = command.words.iter().map(|w| w.range.start).min();
        let end = command.words.iter().map(|w| w.range.end).max();
        self.at(start.unwrap_or(0)..end.unwrap_or(0))
    }
}

/// The texts of a config and its orbs, with what has been read of them.
pub(super) struct Texts<'c> {
    sources: &'c Sources,
    main: &'c Tree,
    /// Whether the config itself knows templates; orbs do.
    templates: bool,
    others: RefCell<HashMap<SourceId, Rc<Tree>>>,
    scripts: RefCell<HashMap<Location, Option<Rc<Script>>>>,
}

impl<'c> Texts<'c> {
    pub(super) fn new(sources: &'c Sources, compiled: &'c Compiled) -> Self {
        Self {
            sources,
            main: &compiled.tree,
            templates: compiled.templates,
            others: RefCell::default(),
            scripts: RefCell::default(),
        }
    }

    /// Returns the script whose text a value is; nothing where it is made of more than one text.
    pub(super) fn script(&self, command: &Located<String>) -> Option<Rc<Script>> {
        let at = command.written();
        if let Some(known) = self.scripts.borrow().get(&at) {
            return known.clone();
        }
        let source = self.sources.get(at.source);
        let script = if let Some(source) = source.filter(|s| s.is_plain()) {
            Some(plain(source, at))
        } else if at.source == SourceId::default() {
            read(self.main, at, self.templates)
        } else {
            self.other(at.source).and_then(|tree| read(&tree, at, true))
        };
        let script = script.map(Rc::new);
        self.scripts.borrow_mut().insert(at, script.clone());
        script
    }

    /// Returns the tree of an orb's source.
    fn other(&self, id: SourceId) -> Option<Rc<Tree>> {
        if let Some(tree) = self.others.borrow().get(&id) {
            return Some(Rc::clone(tree));
        }
        let tree = Rc::new(parse(self.sources.get(id)?.text_arc()).tree);
        self.others.borrow_mut().insert(id, Rc::clone(&tree));
        Some(tree)
    }
}

/// Reads a script that is a text of its own.
fn plain(source: &Source, at: Location) -> Script {
    let text = source.slice(at.span).to_owned();
    Script {
        commands: shell::commands(&text),
        map: TextMap::plain(at.span.start, text.len()),
        plain: true,
        source: at.source,
        text,
    }
}

fn read(tree: &Tree, at: Location, templates: bool) -> Option<Script> {
    let node = tree.scalar_at(at.span)?;
    let text = node.text()?.to_owned();
    // A template is a word, no heredoc that takes what follows with it.
    let commands = match templates {
        true => shell::commands(&cover(&text, true).text),
        false => shell::commands(&text),
    };
    Some(Script {
        commands,
        map: TextMap::of(node)?,
        plain: false,
        source: at.source,
        text,
    })
}
