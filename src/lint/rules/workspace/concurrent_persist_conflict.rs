//! `concurrent-persist-conflict`: two unordered jobs write one path of the workspace.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::finding::{Confidence, Finding, Severity, listed};
use crate::flow::{Attach, Flow, Item, Layer, Overlap, OverlapKind};
use crate::hash::{HashMap, HashSet};
use crate::lint::pushes::{may_run_together, pushes};
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::names::is_file;
use crate::lint::rules::workspace::written::{Written, differ};
use crate::lint::{Context, Rule};
use crate::plan::{Job, Located};
use crate::yaml::Location;

declare_rule! {
    /// # What it does
    /// Two jobs that no requirement orders persist the same path, and a job attaches the layers of
    /// both.
    ///
    /// # Why is this bad
    /// The attach fails: "Concurrent upstream jobs persisted the same file(s) into the workspace".
    /// Paths count as they are inside the workspace, relative to each step's own root, so different
    /// roots can still meet.
    ///
    /// It is an error where both name the same file. Where folders or patterns meet it is a
    /// warning: several jobs may well fill one folder with different files. Where the scripts of
    /// both name the files that they write there, and no name twice, it is for information only.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   unit:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make unit > report.xml
    ///       - persist_to_workspace: {root: ., paths: [report.xml]}
    ///   e2e:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make e2e > report.xml
    ///       - persist_to_workspace: {root: ., paths: [report.xml]}
    ///   publish:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - unit
    ///       - e2e
    ///       - publish: {requires: [unit, e2e]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   unit:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make unit > unit.xml
    ///       - persist_to_workspace: {root: ., paths: [unit.xml]}
    ///   e2e:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make e2e > e2e.xml
    ///       - persist_to_workspace: {root: ., paths: [e2e.xml]}
    ///   publish:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - unit
    ///       - e2e
    ///       - publish: {requires: [unit, e2e]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What a command writes into a folder that both persist, and what a pattern matches: then it
    /// is a warning.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    CONCURRENT_PERSIST_CONFLICT: "concurrent-persist-conflict", Workspace, Error, check, There
}

/// Two paths that may hold the same file.
struct Pair<'p> {
    items: (&'p Located<String>, &'p Located<String>),
    overlap: Rc<Overlap>,
    file: bool,
    apart: bool,
}

/// Jobs whose layers meet in the same way: by the same two texts, both sure or both not.
struct Meeting<'f, 'p> {
    first: (&'f Layer<'p>, &'p Located<String>),
    second: (&'f Layer<'p>, &'p Located<String>),
    attach: &'f Attach<'p>,
    overlap: Rc<Overlap>,
    /// Further paths of the same steps that meet.
    also: Vec<&'p Located<String>>,
    /// Whether both are files, so that they meet for sure.
    file: bool,
    /// Whether the scripts name different files of each job there.
    apart: bool,
    /// All jobs that meet like this, in the order of the text.
    jobs: Vec<usize>,
    /// The same, to look one up.
    among: HashSet<usize>,
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    find(context, &CONCURRENT_PERSIST_CONFLICT, false, out);
}

/// Finds the unordered jobs that persist one path: arms of one matrix, or any others.
pub(super) fn find(context: &Context<'_>, rule: &Rule, arms: bool, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        let mut meetings = Meetings::default();
        let paths = Paths::new(flow);
        // Hardly any workflow has two layers that meet.
        let tried = OnceCell::new();
        'all: for first in 0..flow.layers.len() {
            for second in paths.near(first) {
                let kinds = [paths.kinds[first], paths.kinds[second]];
                if meetings.is_known([first, second], kinds) {
                    continue;
                }
                let (a, b) = (flow.layers[first].job, flow.layers[second].job);
                if flow.graph.is_concurrent(a, b)
                    && same_matrix(flow.job(a), flow.job(b)) == arms
                    && let Some(met) = paths.meet(flow, first, second)
                    && may_run_together(
                        flow.workflow,
                        tried.get_or_init(|| pushes(flow.workflow)),
                        &[a, b, met.attach.job],
                    )
                {
                    meetings.note([first, second], kinds);
                    meetings.join(met);
                    if meetings.is_full() {
                        break 'all;
                    }
                }
            }
        }
        out.extend(meetings.all.iter().map(|m| report(flow, rule, m)));
        if let Some(last) = out.last_mut().filter(|_| meetings.is_full()) {
            last.notes.push(format!(
                "this is the last of {MOST_MEETINGS} in workflow `{}`: the rest of it is not compared",
                flow.workflow.name
            ));
        }
    }
}

fn same_matrix(a: &Job, b: &Job) -> bool {
    match (&a.matrix, &b.matrix) {
        (Some(a), Some(b)) => a.at == b.at,
        _ => false,
    }
}

/// How two texts meet, by their numbers.
type Overlaps = HashMap<(usize, usize), Option<Rc<Overlap>>>;

/// The paths of a flow's layers, read once, and found by how they begin: most layers of a large
/// workflow have nothing to do with each other.
struct Paths {
    /// What stands in the lists of paths, each text once; nothing for those that meet no other.
    items: Vec<Option<Item>>,
    /// For each layer, which of those it lists.
    listed: Vec<Vec<usize>>,
    /// For each layer, which list that is: a number for each that is different.
    kinds: Vec<usize>,
    /// How two of those meet, once that was asked: the arms of a matrix ask the same again and again.
    overlaps: RefCell<Overlaps>,
    /// The layers that an item of this first name is in.
    named: HashMap<String, Vec<usize>>,
    /// The layers with an item that may begin with any name.
    open: Vec<usize>,
    /// For each job that makes layers, the attaches that see them: a bit each, as they are asked
    /// for once for each two layers that may meet.
    readers: HashMap<usize, Vec<u64>>,
    /// What is written into a layer's item, for the items that meet others.
    written: RefCell<HashMap<(usize, usize), Rc<Written>>>,
}

impl Paths {
    fn new(flow: &Flow<'_>) -> Self {
        let mut paths = Self {
            items: Vec::new(),
            listed: Vec::with_capacity(flow.layers.len()),
            kinds: Vec::with_capacity(flow.layers.len()),
            overlaps: RefCell::default(),
            named: HashMap::default(),
            open: Vec::new(),
            readers: HashMap::default(),
            written: RefCell::default(),
        };
        let words = flow.attaches.len().div_ceil(64);
        for (i, attach) in flow.attaches.iter().enumerate() {
            for job in flow.graph.upstream(attach.job) {
                if !flow.layers_of(job).is_empty() {
                    let bits = paths.readers.entry(job).or_insert_with(|| vec![0; words]);
                    bits[i / 64] |= 1 << (i % 64);
                }
            }
        }
        let mut known: HashMap<&str, usize> = HashMap::default();
        let mut kinds: HashMap<Vec<usize>, usize> = HashMap::default();
        for (i, layer) in flow.layers.iter().enumerate() {
            let mut listed = Vec::with_capacity(layer.persist.paths.len());
            for path in &layer.persist.paths {
                let item = *known.entry(&path.value).or_insert_with(|| {
                    paths.items.push(Item::parse(&path.value));
                    paths.items.len() - 1
                });
                listed.push(item);
                match paths.items[item].as_ref().map(Item::begins) {
                    Some(Some(name)) => match paths.named.get_mut(name) {
                        Some(layers) => layers.push(i),
                        None => {
                            paths.named.insert(name.to_owned(), vec![i]);
                        }
                    },
                    Some(None) => paths.open.push(i),
                    None => {}
                }
            }
            let number = kinds.len();
            paths
                .kinds
                .push(*kinds.entry(listed.clone()).or_insert(number));
            paths.listed.push(listed);
        }
        paths
    }

    /// Returns the later layers that may meet a layer, in their order.
    fn near(&self, layer: usize) -> Vec<usize> {
        if self.open.binary_search(&layer).is_ok() {
            return (layer + 1..self.listed.len()).collect();
        }
        let items = self.listed[layer].iter().map(|item| &self.items[*item]);
        let names = items.flatten().filter_map(Item::begins);
        let mut named: Vec<&Vec<usize>> = names.filter_map(|name| self.named.get(name)).collect();
        named.dedup_by(|a, b| std::ptr::eq(*a, *b));
        named.extend((!self.open.is_empty()).then_some(&self.open));
        let later = named.iter().flat_map(|layers| {
            // Each list is in order.
            let first = layers.partition_point(|other| *other <= layer);
            layers[first..].iter().copied()
        });
        let mut near: Vec<usize> = later.collect();
        if named.len() > 1 {
            near.sort_unstable();
        }
        near.dedup();
        near
    }

    /// Returns the first attach that sees the layers of both jobs.
    fn common_reader(&self, one: usize, two: usize) -> Option<usize> {
        let (one, two) = (self.readers.get(&one)?, self.readers.get(&two)?);
        let both = one.iter().zip(two).map(|(a, b)| a & b);
        let (word, bits) = both.enumerate().find(|(_, bits)| *bits != 0)?;
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    /// Says how two items meet, by their numbers.
    fn overlap(&self, one: usize, two: usize) -> Option<Rc<Overlap>> {
        let mut known = self.overlaps.borrow_mut();
        let overlap = known.entry((one, two)).or_insert_with(|| {
            let both = self.items[one].as_ref().zip(self.items[two].as_ref());
            both.and_then(|(one, two)| one.overlap(two)).map(Rc::new)
        });
        overlap.clone()
    }

    /// Compares two layers that some job attaches together; the surest pair of paths speaks for
    /// them.
    fn meet<'f, 'p>(
        &self,
        flow: &'f Flow<'p>,
        first: usize,
        second: usize,
    ) -> Option<Meeting<'f, 'p>> {
        let items = |layer: usize| {
            let texts = flow.layers[layer].persist.paths.iter();
            texts.zip(&self.listed[layer]).enumerate()
        };
        let (one, two) = (&flow.layers[first], &flow.layers[second]);
        let mut attach = None;
        let mut pairs: Vec<Pair<'p>> = Vec::new();
        for (i, (a, item)) in items(first) {
            for (j, (b, other)) in items(second) {
                let Some(overlap) = self.overlap(*item, *other) else {
                    continue;
                };
                if attach.is_none() {
                    let reader = self.common_reader(one.job, two.job)?;
                    attach = flow.attaches.get(reader);
                }
                let written = [self.written(flow, first, i), self.written(flow, second, j)];
                // A folder that one of them empties before it persists brings nothing.
                if written.iter().any(|w| w.is_removed()) {
                    continue;
                }
                let file = overlap.kind == OverlapKind::Same
                    && is_file(flow.job(one.job), one.step, &a.value)
                    && is_file(flow.job(two.job), two.step, &b.value);
                let apart = !file && differ(&written[0], &written[1]);
                pairs.push(Pair {
                    items: (a, b),
                    overlap,
                    file,
                    apart,
                });
            }
        }
        let surest = pairs.iter().enumerate();
        let (surest, _) = surest.min_by_key(|(_, p)| (!p.file, p.apart))?;
        let pair = pairs.swap_remove(surest);
        let also = pairs.iter().filter(|p| !p.apart);
        Some(Meeting {
            also: also.flat_map(|p| [p.items.0, p.items.1]).collect(),
            first: (one, pair.items.0),
            second: (two, pair.items.1),
            attach: attach?,
            overlap: pair.overlap,
            file: pair.file,
            apart: pair.apart,
            jobs: vec![one.job, two.job],
            among: [one.job, two.job].into_iter().collect(),
        })
    }

    /// Returns what a layer's job writes into one of its items.
    fn written(&self, flow: &Flow<'_>, layer: usize, item: usize) -> Rc<Written> {
        let mut known = self.written.borrow_mut();
        let written = known.entry((layer, item)).or_insert_with(|| {
            let layer = &flow.layers[layer];
            let item = &layer.persist.paths[item].value;
            Rc::new(Written::by(flow.job(layer.job), layer.step, item))
        });
        Rc::clone(written)
    }
}

/// Most meetings of one workflow. Each is one finding: nobody reads more, and n patterns that all
/// meet make n² of them.
const MOST_MEETINGS: usize = 1000;

/// Most pairs of layers with the same two lists that are compared without asking whether both are
/// known to meet such a layer.
const MOST_ALIKE: usize = 20_000;

/// What two texts meet, in whatever order, how: sure or not, apart or not.
type Texts<'p> = ([&'p str; 2], bool, bool);

/// The places of two texts that meet, and how.
type Places = ([Location; 2], bool, bool);

/// The meetings of a workflow, found by their texts and their places.
#[derive(Default)]
struct Meetings<'f, 'p> {
    all: Vec<Meeting<'f, 'p>>,
    texts: HashMap<Texts<'p>, usize>,
    places: HashMap<Places, usize>,
    /// How many pairs of layers with these two lists meet.
    alike: HashMap<[usize; 2], usize>,
    /// The layers that meet one with this list.
    met: HashSet<(usize, usize)>,
}

impl<'f, 'p> Meetings<'f, 'p> {
    /// Says whether two layers need not be compared: many pairs with the same lists meet, and
    /// each of these two is in one of them.
    fn is_known(&self, layers: [usize; 2], kinds: [usize; 2]) -> bool {
        let many = self.alike.get(&kinds).is_some_and(|n| *n >= MOST_ALIKE);
        many && self.met.contains(&(layers[0], kinds[1]))
            && self.met.contains(&(layers[1], kinds[0]))
    }

    /// Remembers that two layers meet.
    fn note(&mut self, layers: [usize; 2], kinds: [usize; 2]) {
        *self.alike.entry(kinds).or_default() += 1;
        self.met.insert((layers[0], kinds[1]));
        self.met.insert((layers[1], kinds[0]));
    }

    /// Says whether no more are looked for.
    fn is_full(&self) -> bool {
        self.all.len() >= MOST_MEETINGS
    }

    /// Adds a meeting to those of the same texts: a hundred jobs that fill one folder are one
    /// finding.
    fn join(&mut self, met: Meeting<'f, 'p>) {
        let (first, second) = (met.first.1, met.second.1);
        let mut texts = [first.value.as_str(), second.value.as_str()];
        texts.sort_unstable();
        let texts = (texts, met.file, met.apart);
        let places = ([first.at, second.at], met.file, met.apart);
        let known = [self.texts.get(&texts), self.places.get(&places)];
        if let Some(first) = known.into_iter().flatten().min() {
            let known = &mut self.all[*first];
            known.also.extend(met.also);
            for job in met.jobs {
                if known.among.insert(job) {
                    known.jobs.push(job);
                }
            }
            return;
        }
        self.texts.insert(texts, self.all.len());
        self.places.insert(places, self.all.len());
        self.all.push(met);
    }
}

/// Most further paths that one finding shows.
const MOST_ALSO: usize = 4;

fn report(flow: &Flow<'_>, rule: &Rule, meeting: &Meeting<'_, '_>) -> Finding {
    let (one, two) = (
        flow.job(meeting.first.0.job),
        flow.job(meeting.second.0.job),
    );
    let reader = flow.job(meeting.attach.job);
    // Filters and conditions may keep one of them from running where the other does.
    let conditional = [meeting.first.0, meeting.second.0]
        .iter()
        .any(|l| l.conditional);
    let filtered = conditional || meeting.jobs.iter().all(|j| flow.job(*j).filters.is_some());
    let sure = meeting.file && !filtered;
    let witness = &meeting.overlap.witness;
    let what = match meeting.overlap.kind {
        OverlapKind::Same if meeting.file => format!("`{}` persists the same file", two.name),
        OverlapKind::Same => format!("`{}` persists the same path", two.name),
        OverlapKind::Inside | OverlapKind::Pattern => {
            format!(
                "`{}` may persist the same file, `{witness}` for one",
                two.name
            )
        }
    };
    let mut draft = rule
        .finding("concurrent jobs persist the same path", meeting.second.1.at, what)
        .label(meeting.first.1.at, format!("`{}` persists this", one.name))
        .label(two.origin.at, format!("`{}` and `{}` are not ordered", two.name, one.name))
        .label(meeting.attach.origin.at, format!("`{}` attaches both layers", reader.name))
        .note("the service says: Concurrent upstream jobs persisted the same file(s) into the workspace");
    let mut told = HashSet::from_iter([meeting.first.1.at, meeting.second.1.at]);
    let also = meeting.also.iter().filter(|path| told.insert(path.at));
    for path in also.take(MOST_ALSO) {
        draft = draft.label(path.written(), "this meets too");
    }
    let arms = same_matrix(one, two);
    draft = match (sure, arms) {
        (true, true) => draft.help("put a value of the matrix into the path, `<< parameters.x >>`"),
        (true, false) => draft.help(format!(
            "persist under different names, or let `{}` require `{}`",
            two.written_name, one.written_name
        )),
        (false, true) => draft.help(
            "if they write the same files there: put a value of the matrix into the path",
        ),
        (false, false) => draft.help(
            "if they write the same files there: persist narrower paths, or let one job require the other",
        ),
    };
    if !sure {
        let confidence = if filtered {
            Confidence::Low
        } else {
            Confidence::Medium
        };
        draft = draft.severity(Severity::Warning).confidence(confidence);
    }
    if meeting.apart {
        draft = draft
            .severity(Severity::Info)
            .confidence(Confidence::Low)
            .note("their scripts name different files there");
    }
    if meeting.jobs.len() > 2 {
        let names: Vec<&str> = meeting
            .jobs
            .iter()
            .map(|j| flow.job(*j).name.as_str())
            .collect();
        draft = draft.note(format!(
            "{} jobs meet here: {}",
            names.len(),
            listed(&names, 6)
        ));
    }
    draft.done()
}
