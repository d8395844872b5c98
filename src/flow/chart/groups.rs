//! Which jobs a picture may draw as one box, so that nothing is lost but the room that it takes.
//!
//! Those are jobs that nothing but their names tells apart: they do the same, wait for the same
//! jobs, and the same jobs wait for them. Those in conflict are in conflict with each other, and
//! with the same others. And those of a matrix whose jobs go on side by side (each build has its
//! own test) share a box a step: one line between two boxes then stands for one from each job to
//! its own.

use std::collections::{BTreeMap, HashMap};

use super::{JobChart, Link, WorkflowChart};

/// So many ways side by side share their boxes: fewer read better one by one.
const SIDE_BY_SIDE: usize = 5;

/// The jobs of each box, by position: the boxes in the order of the text. Where the jobs of two
/// boxes go on side by side, each has the place in its box that its own has in the other.
pub(super) fn groups(workflow: &WorkflowChart, links: &[Link]) -> Vec<Vec<usize>> {
    let count = workflow.jobs.len();
    let colors: Vec<usize> = numbered(workflow.jobs.iter().enumerate().map(|(at, job)| {
        let meeting = meeting(at, job);
        (job.kind.as_str(), job.details(), meeting)
    }));
    let exact = alike(&colors, links);
    let mut split = vec![false; count];
    loop {
        let first = (0..count).map(|at| (split[at].then_some(exact[at]), colors[at]));
        let classes = refined(numbered(first), links);
        let members = members(&classes);
        let ways = match side_by_side(&classes, &members, links) {
            Ok(ways) => ways,
            Err(misread) => {
                // What is exact already reads right: each time there is less to split.
                misread.into_iter().for_each(|at| split[at] = true);
                continue;
            }
        };
        let mut groups = members;
        for group in &mut groups {
            group.sort_by_key(|at| (ways[*at], *at));
        }
        return groups;
    }
}

/// Numbers what is equal alike, in the order in which it is met.
fn numbered<K: Eq + std::hash::Hash>(keys: impl Iterator<Item = K>) -> Vec<usize> {
    let mut known = HashMap::new();
    let mut number = |key| {
        let next = known.len();
        *known.entry(key).or_insert(next)
    };
    keys.map(&mut number).collect()
}

/// A line of a job, without the job: which way it goes, the other end, and what the line is.
type End<'c> = (bool, usize, bool, bool, &'c [String]);

/// Returns the lines of each job; `name` says what the other end is called.
fn ends<'c>(count: usize, links: &'c [Link], name: impl Fn(usize) -> usize) -> Vec<Vec<End<'c>>> {
    let mut ends = vec![Vec::new(); count];
    for link in links {
        let end = |out, other| {
            (
                out,
                name(other),
                link.required,
                link.layers,
                &*link.statuses,
            )
        };
        ends[link.from].push(end(true, link.to));
        ends[link.to].push(end(false, link.from));
    }
    for of_job in &mut ends {
        of_job.sort_unstable();
    }
    ends
}

/// Classes of jobs that have the same color, and the same lines to the same jobs.
fn alike(colors: &[usize], links: &[Link]) -> Vec<usize> {
    numbered(colors.iter().zip(ends(colors.len(), links, |at| at)))
}

/// Splits classes until all jobs of one have as many lines to each other class.
fn refined(mut classes: Vec<usize>, links: &[Link]) -> Vec<usize> {
    loop {
        let ends = ends(classes.len(), links, |at| classes[at]);
        let finer = numbered(classes.iter().zip(ends));
        if finer == classes {
            return classes;
        }
        classes = finer;
    }
}

fn members(classes: &[usize]) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); classes.iter().max().map_or(0, |most| most + 1)];
    for (at, class) in classes.iter().enumerate() {
        members[*class].push(at);
    }
    members
}

/// Returns the way of each job, by the first job on it: jobs that a line joins one to one go the
/// same way. Fails with jobs of which one line between their boxes would say something wrong.
fn side_by_side(
    classes: &[usize],
    members: &[Vec<usize>],
    links: &[Link],
) -> Result<Vec<usize>, Vec<usize>> {
    let mut between: BTreeMap<(usize, usize), Vec<&Link>> = BTreeMap::new();
    for link in links {
        let pair = (classes[link.from], classes[link.to]);
        between.entry(pair).or_default().push(link);
    }
    let mut ways: Vec<usize> = (0..classes.len()).collect();
    for ((from, to), links) in between {
        let (before, after) = (&members[from], &members[to]);
        // One line is drawn for all of them.
        let alike = links.windows(2).all(|pair| look(pair[0]) == look(pair[1]));
        if alike && links.len() == before.len() * after.len() {
            continue;
        }
        let one_each = links.len() == before.len() && links.len() == after.len();
        if !alike || !one_each || links.len() < SIDE_BY_SIDE || from == to {
            return Err(before.iter().chain(after).copied().collect());
        }
        for link in links {
            join(&mut ways, link.from, link.to);
        }
    }
    let ways: Vec<usize> = (0..ways.len()).map(|at| root(&ways, at)).collect();
    // A way has one job of each box: else the places of two boxes do not tell who belongs to whom.
    let mut taken = HashMap::new();
    for (at, way) in ways.iter().enumerate() {
        if taken.insert((*way, classes[at]), at).is_some() {
            let is_met = |other: &usize| {
                let class = classes[*other];
                ways.iter()
                    .zip(classes)
                    .any(|(w, c)| w == way && *c == class)
            };
            return Err((0..ways.len()).filter(is_met).collect());
        }
    }
    Ok(ways)
}

/// What a line says besides its ends.
fn look(link: &Link) -> (bool, bool, &[String]) {
    (link.required, link.layers, &link.statuses)
}

fn root(ways: &[usize], mut at: usize) -> usize {
    while ways[at] != at {
        at = ways[at];
    }
    at
}

/// Joins two ways; the first job of both stands for them.
fn join(ways: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(ways, a), root(ways, b));
    ways[a.max(b)] = a.min(b);
}

/// With whom a job is in conflict.
#[derive(PartialEq, Eq, Hash)]
enum Meeting<'c> {
    /// With nobody.
    None,
    /// These jobs, itself among them, meet at one path.
    At(&'c str, Vec<&'c str>),
    /// Several paths: the job at this position stands alone, so that it can be seen where.
    Alone(usize),
}

fn meeting(at: usize, job: &JobChart) -> Meeting<'_> {
    let Some(first) = job.conflicts.first() else {
        return Meeting::None;
    };
    if job.conflicts.iter().any(|other| other.path != first.path) {
        return Meeting::Alone(at);
    }
    let others = job.conflicts.iter().map(|conflict| conflict.job.as_str());
    let mut all: Vec<&str> = others.chain([job.name.as_str()]).collect();
    all.sort_unstable();
    Meeting::At(&first.path, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(name: usize, details: u8) -> JobChart {
        JobChart {
            name: format!("job-{name}"),
            kind: "build".to_owned(),
            parallelism: u32::from(details) + 1,
            requires: Vec::new(),
            upstream: Vec::new(),
            persists: Vec::new(),
            attaches: Vec::new(),
            sees: Vec::new(),
            may_see_more: false,
            conflicts: Vec::new(),
        }
    }

    fn link(from: usize, to: usize) -> Link {
        Link {
            from,
            to,
            required: true,
            layers: false,
            statuses: Vec::new(),
        }
    }

    fn grouped(kinds: &[u8], links: &[Link]) -> Vec<Vec<usize>> {
        let jobs = kinds.iter().enumerate();
        let workflow = WorkflowChart {
            name: "w".to_owned(),
            jobs: jobs.map(|(at, kind)| job(at, *kind)).collect(),
        };
        groups(&workflow, links)
    }

    /// What a reader takes from a picture: a line between two boxes stands for all pairs, or for
    /// one from each to its own, and all of them are what the line is.
    fn read(groups: &[Vec<usize>], links: &[Link]) -> Vec<(usize, usize, bool)> {
        let mut read = Vec::new();
        for (from, before) in groups.iter().enumerate() {
            for (to, after) in groups.iter().enumerate() {
                let is_between = |l: &&Link| before.contains(&l.from) && after.contains(&l.to);
                let between: Vec<&Link> = links.iter().filter(is_between).collect();
                let Some(first) = between.first() else {
                    continue;
                };
                let count = between.len();
                let pair = |(a, b): (usize, usize)| (a, b, first.layers);
                if count == before.len() * after.len() {
                    let pairs = before.iter().flat_map(|a| after.iter().map(|b| (*a, *b)));
                    read.extend(pairs.map(pair));
                } else {
                    assert!(from != to);
                    assert_eq!((count, count), (before.len(), after.len()));
                    let pairs = before.iter().copied().zip(after.iter().copied());
                    read.extend(pairs.map(pair));
                }
            }
        }
        read.sort_unstable();
        read
    }

    #[test]
    fn ways_side_by_side_share_a_box_a_step() {
        // Five builds before their tests, in another order, before one release.
        let mut links: Vec<Link> = (0..5).map(|at| link(at, 9 - at)).collect();
        links.extend((5..10).map(|at| link(at, 10)));
        let kinds = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2];
        let groups = grouped(&kinds, &links);
        assert_eq!(groups, [vec![0, 1, 2, 3, 4], vec![9, 8, 7, 6, 5], vec![10]]);
        // Four read better one by one.
        assert_eq!(grouped(&kinds[..4], &[]).len(), 1);
        let four: Vec<Link> = (0..4).map(|at| link(at, at + 5)).collect();
        assert_eq!(grouped(&kinds[..9], &four).len(), 9);
    }

    #[test]
    fn lines_that_say_different_things_are_drawn_each() {
        // Each of the last two waits for both, and gets the layers of another one.
        let mut links = Vec::new();
        for (from, to, layers) in [(0, 2, true), (1, 2, false), (0, 3, false), (1, 3, true)] {
            links.push(Link {
                layers,
                ..link(from, to)
            });
        }
        assert_eq!(grouped(&[0, 0, 1, 1], &links).len(), 4);
    }

    #[test]
    fn lines_that_cross_between_ways_are_drawn_each() {
        // Each build before its test, and its test's neighbour before a report of another test.
        let mut links: Vec<Link> = (0..5).map(|at| link(at, at + 5)).collect();
        links.extend((0..5).map(|at| link(at + 5, at + 10)));
        links.extend((0..5).map(|at| link(at, (at + 1) % 5 + 10)));
        let kinds = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2];
        assert_eq!(grouped(&kinds, &links).len(), 15);
    }

    proptest! {
        #[test]
        fn a_picture_says_what_the_lines_say(
            kinds in proptest::collection::vec(0_u8..2, 14),
            lines in proptest::collection::btree_map(
                (0_usize..14, 0_usize..14), proptest::bool::weighted(0.2), 0..40),
            few in proptest::bool::ANY,
            ways in 0_usize..8,
        ) {
            // Some that go side by side, which chance alone does not bring.
            let side = (0..ways.min(7)).map(|at| ((at, at + 7), false));
            let some = lines.into_iter().take(if few { 6 } else { 40 });
            let pairs: std::collections::BTreeMap<(usize, usize), bool> =
                some.chain(side).filter(|((a, b), _)| a < b).collect();
            let links: Vec<Link> = pairs
                .iter()
                .map(|((a, b), layers)| Link { layers: *layers, ..link(*a, *b) })
                .collect();
            let groups = grouped(&kinds, &links);
            let mut all: Vec<usize> = groups.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..14).collect::<Vec<_>>());
            let meant: Vec<_> = pairs.into_iter().map(|((a, b), layers)| (a, b, layers)).collect();
            prop_assert_eq!(read(&groups, &links), meant);
        }
    }
}
