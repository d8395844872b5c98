//! Which combinations of values are looked at: all that make a difference where they are few,
//! otherwise some that take every condition both ways. Knows nothing of configs: values are
//! numbers, 0 being what a value is where nobody says otherwise.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::conditions::{Guard, Instance};
use crate::circleci::expr::Truth;
use crate::hash::HashMap;

/// Most combinations that are gone through, of all values or of those that one condition asks for.
const MOST_COMBINATIONS: usize = 4_096;

/// Most often that a condition is judged: what is left over then is not covered.
pub(crate) const MOST_JUDGEMENTS: usize = 500_000;

/// A value for every name, by its number.
pub(crate) type Assignment = Vec<usize>;

/// What is to be covered.
pub(crate) struct Space<'s> {
    /// How many values each name has.
    pub(crate) sizes: Vec<usize>,
    /// The names that each condition rests on.
    pub(crate) rests_on: Vec<Vec<usize>>,
    /// Where conditions are asked.
    pub(crate) instances: &'s [Instance],
    /// Judges a condition.
    pub(crate) truth: &'s dyn Fn(usize, &Assignment) -> Truth,
    /// Says whether a combination can be.
    pub(crate) possible: &'s dyn Fn(&Assignment) -> bool,
    /// How often a condition may still be judged.
    pub(crate) left: Cell<usize>,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cover {
    /// The combinations; the first is what is where nobody says otherwise.
    pub(crate) chosen: Vec<Assignment>,
    /// How many there are that make a difference; none where they are too many to be counted.
    pub(crate) all: Option<usize>,
    /// Combinations with the chosen one that they come to, that one first: all of them where that
    /// many were chosen.
    pub(crate) classes: Vec<(Assignment, usize)>,
}

/// What the conditions come to under one combination: for each place where one is asked, whether
/// it is reached, and what it says there.
type Outcome = Vec<Option<Truth>>;

/// A condition that is to be seen one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Goal {
    instance: usize,
    holds: bool,
}

impl Space<'_> {
    /// Chooses at most `most` combinations.
    pub(crate) fn cover(&self, most: usize) -> Cover {
        let mut chosen = Chosen::default();
        chosen.add(self, vec![0; self.sizes.len()]);
        let every: Vec<usize> = (0..self.sizes.len()).collect();
        let affordable = |all: &Vec<Assignment>| {
            all.len().saturating_mul(self.instances.len()) <= MOST_JUDGEMENTS / 2
        };
        if let Some(mut all) = self.combinations(&every).filter(affordable) {
            // What differs least from the usual speaks for those that come to the same.
            all.sort_by_key(|assignment| assignment.iter().filter(|value| **value != 0).count());
            let mut different = Chosen::default();
            let classes: Vec<(Assignment, usize)> = all
                .into_iter()
                .filter_map(|assignment| {
                    let class = different.add(self, assignment.clone())?;
                    Some((assignment, class))
                })
                .collect();
            let count = different.list.len();
            if count <= most {
                return Cover {
                    chosen: different.list,
                    all: Some(count),
                    classes,
                };
            }
            return self.some(chosen, most, Some(count));
        }
        self.some(chosen, most, None)
    }

    /// Chooses some of many combinations.
    fn some(&self, mut chosen: Chosen, most: usize, all: Option<usize>) -> Cover {
        self.pack(&mut chosen, most);
        self.fill(&mut chosen, most);
        Cover {
            classes: chosen.list.iter().cloned().zip(0..).collect(),
            chosen: chosen.list,
            all,
        }
    }

    /// Returns all combinations of some names' values, the others being as usual; none where they
    /// are too many.
    fn combinations(&self, names: &[usize]) -> Option<Vec<Assignment>> {
        let total = names
            .iter()
            .try_fold(1_usize, |n, name| n.checked_mul(self.sizes[*name]))
            .filter(|n| *n <= MOST_COMBINATIONS)?;
        let mut out = vec![vec![0; self.sizes.len()]];
        out.reserve(total);
        for name in names {
            let so_far = out.len();
            for value in 1..self.sizes[*name] {
                for i in 0..so_far {
                    let mut next = out[i].clone();
                    next[*name] = value;
                    out.push(next);
                }
            }
        }
        Some(out)
    }

    fn judge(&self, formula: usize, assignment: &Assignment) -> Truth {
        self.left.set(self.left.get().saturating_sub(1));
        (self.truth)(formula, assignment)
    }

    fn outcome(&self, assignment: &Assignment) -> Outcome {
        let leads = |guard: &Guard| match self.judge(guard.formula, assignment) {
            Truth::True => guard.holds,
            Truth::False => !guard.holds,
            // What is not known is compiled both ways.
            Truth::Unknown => true,
        };
        self.instances
            .iter()
            .map(|instance| {
                let reached = instance.guards.iter().all(leads);
                reached.then(|| self.judge(instance.formula, assignment))
            })
            .collect()
    }

    /// Adds combinations that take every condition both ways: for each that is not yet seen one
    /// way, values that show it, together with those of as many others as go along with them.
    fn pack(&self, chosen: &mut Chosen, most: usize) {
        let mut goals: BTreeSet<Goal> = (0..self.instances.len())
            .flat_map(|instance| [true, false].map(|holds| Goal { instance, holds }))
            .collect();
        for outcome in &chosen.outcomes {
            goals.retain(|goal| !reaches(outcome, *goal));
        }
        let ways: HashMap<Goal, Vec<(usize, usize)>> = goals
            .iter()
            .filter_map(|goal| Some((*goal, self.way(*goal)?)))
            .collect();
        goals.retain(|goal| ways.contains_key(goal));
        while let Some(first) = goals.pop_first()
            && chosen.list.len() < most
        {
            let mut fixed: HashMap<usize, usize> = ways[&first].iter().copied().collect();
            let mut assignment = self.with(&fixed);
            for goal in &goals {
                let way = &ways[goal];
                let fits = |(name, value): &(usize, usize)| {
                    fixed.get(name).is_none_or(|known| known == value)
                };
                if !way.iter().all(fits) {
                    continue;
                }
                let mut more = fixed.clone();
                more.extend(way.iter().copied());
                let with = self.with(&more);
                if (self.possible)(&with) {
                    fixed = more;
                    assignment = with;
                }
            }
            let outcome = self.outcome(&assignment);
            goals.retain(|goal| !reaches(&outcome, *goal));
            chosen.add(self, assignment);
        }
    }

    fn with(&self, fixed: &HashMap<usize, usize>) -> Assignment {
        let mut out = vec![0; self.sizes.len()];
        for (name, value) in fixed {
            out[*name] = *value;
        }
        out
    }

    /// Returns the values that show a condition one way, of the names that this depends on.
    fn way(&self, goal: Goal) -> Option<Vec<(usize, usize)>> {
        let instance = &self.instances[goal.instance];
        let formulas = instance.guards.iter().map(|guard| guard.formula);
        let names: BTreeSet<usize> = formulas
            .chain([instance.formula])
            .flat_map(|formula| self.rests_on[formula].iter().copied())
            .collect();
        let names: Vec<usize> = names.into_iter().collect();
        let mut all = self.combinations(&names).unwrap_or_else(|| {
            // Too many: every name changed alone, and all of them alike.
            let mut some = Vec::new();
            for name in &names {
                for value in 0..self.sizes[*name].min(MOST_COMBINATIONS / names.len().max(1)) {
                    let mut one = vec![0; self.sizes.len()];
                    one[*name] = value;
                    some.push(one);
                }
            }
            for value in 0..names.iter().map(|n| self.sizes[*n]).max().unwrap_or(0) {
                let mut alike = vec![0; self.sizes.len()];
                for name in &names {
                    alike[*name] = value.min(self.sizes[*name] - 1);
                }
                some.push(alike);
            }
            some
        });
        all.sort_by_key(|assignment| assignment.iter().filter(|value| **value != 0).count());
        let shows = |assignment: &&Assignment| {
            self.left.get() > 0 && (self.possible)(assignment) && {
                let leads = |guard: &Guard| {
                    let truth = self.judge(guard.formula, assignment);
                    truth == Truth::Unknown || truth == guard.holds.into()
                };
                instance.guards.iter().all(leads)
                    && self.judge(instance.formula, assignment) == goal.holds.into()
            }
        };
        let found = all.iter().find(shows)?;
        Some(names.iter().map(|name| (*name, found[*name])).collect())
    }

    /// Adds combinations that change one value, then two, until there are as many as there may be.
    fn fill(&self, chosen: &mut Chosen, most: usize) {
        let changes: Vec<(usize, usize)> = (0..self.sizes.len())
            .flat_map(|name| (1..self.sizes[name]).map(move |value| (name, value)))
            .collect();
        let mut tried = 0;
        for (i, one) in changes.iter().enumerate() {
            let alone = std::iter::once(None);
            for other in alone.chain(changes[i + 1..].iter().map(Some)) {
                if chosen.list.len() >= most || tried >= MOST_COMBINATIONS || self.left.get() == 0 {
                    return;
                }
                tried += 1;
                if other.is_some_and(|other| other.0 == one.0) {
                    continue;
                }
                let fixed = std::iter::once(*one).chain(other.copied()).collect();
                chosen.add(self, self.with(&fixed));
            }
        }
    }
}

/// Combinations that differ in what the conditions come to.
#[derive(Default)]
struct Chosen {
    list: Vec<Assignment>,
    outcomes: Vec<Outcome>,
    known: HashMap<Outcome, usize>,
}

impl Chosen {
    /// Adds a combination if it differs; returns the one that it comes to, if it can be.
    fn add(&mut self, space: &Space<'_>, assignment: Assignment) -> Option<usize> {
        if !(space.possible)(&assignment) {
            return None;
        }
        let outcome = space.outcome(&assignment);
        if let Some(known) = self.known.get(&outcome) {
            return Some(*known);
        }
        self.known.insert(outcome.clone(), self.list.len());
        self.list.push(assignment);
        self.outcomes.push(outcome);
        Some(self.list.len() - 1)
    }
}

fn reaches(outcome: &Outcome, goal: Goal) -> bool {
    outcome[goal.instance] == Some(goal.holds.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A condition over numbered names: a name has a value, nested.
    #[derive(Debug, Clone)]
    enum Says {
        Is(usize, usize),
        Not(Box<Says>),
        All(Vec<Says>),
        Any(Vec<Says>),
    }

    impl Says {
        fn holds(&self, values: &Assignment) -> bool {
            match self {
                Self::Is(name, value) => values[*name] == *value,
                Self::Not(inner) => !inner.holds(values),
                Self::All(parts) => parts.iter().all(|p| p.holds(values)),
                Self::Any(parts) => parts.iter().any(|p| p.holds(values)),
            }
        }

        fn names(&self, out: &mut BTreeSet<usize>) {
            match self {
                Self::Is(name, _) => {
                    out.insert(*name);
                }
                Self::Not(inner) => inner.names(out),
                Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.names(out)),
            }
        }
    }

    fn covered(
        sizes: &[usize],
        says: &[Says],
        instances: &[Instance],
        most: usize,
        possible: &dyn Fn(&Assignment) -> bool,
    ) -> Cover {
        let rests_on = says
            .iter()
            .map(|s| {
                let mut names = BTreeSet::new();
                s.names(&mut names);
                names.into_iter().collect()
            })
            .collect();
        Space {
            sizes: sizes.to_vec(),
            rests_on,
            instances,
            truth: &|formula, values| says[formula].holds(values).into(),
            possible,
            left: Cell::new(MOST_JUDGEMENTS),
        }
        .cover(most)
    }

    fn alone(n: usize) -> Vec<Instance> {
        (0..n)
            .map(|formula| Instance {
                guards: Vec::new(),
                formula,
            })
            .collect()
    }

    #[test]
    fn a_condition_that_is_asked_twice_is_two_outcomes() {
        let says = [Says::Is(0, 1), Says::Not(Box::new(Says::Is(0, 1)))];
        let cover = covered(&[2], &says, &alone(2), 64, &|_| true);
        assert_eq!(
            cover,
            Cover {
                chosen: vec![vec![0], vec![1]],
                all: Some(2),
                classes: vec![(vec![0], 0), (vec![1], 1)],
            }
        );
    }

    #[test]
    fn values_that_come_to_the_same_are_looked_at_once() {
        let says = [Says::Is(0, 3)];
        let cover = covered(&[5, 7], &says, &alone(1), 64, &|_| true);
        assert_eq!(cover.chosen, [[0, 0], [3, 0]]);
        assert_eq!(cover.classes.len(), 35);
        assert_eq!(cover.classes.iter().filter(|(_, to)| *to == 1).count(), 7);
    }

    #[test]
    fn what_is_not_reached_makes_no_difference() {
        let says = [Says::Is(0, 1), Says::Is(1, 1)];
        let inner = Instance {
            guards: vec![Guard {
                formula: 0,
                holds: true,
            }],
            formula: 1,
        };
        let instances = [alone(1).remove(0), inner];
        let cover = covered(&[2, 2], &says, &instances, 64, &|_| true);
        assert_eq!(cover.chosen, [[0, 0], [1, 0], [1, 1]]);
    }

    #[test]
    fn many_conditions_are_taken_both_ways_by_few_combinations() {
        let says: Vec<Says> = (0..200).map(|name| Says::Is(name, 1)).collect();
        let cover = covered(&[2; 200], &says, &alone(200), 8, &|_| true);
        assert_eq!(cover.all, None);
        assert_eq!(cover.chosen.len(), 8);
        assert_eq!(cover.chosen[0], [0; 200]);
        assert_eq!(cover.chosen[1], [1; 200]);
    }

    #[test]
    fn what_cannot_be_is_not_chosen() {
        let says = [Says::Is(0, 1), Says::Is(1, 1)];
        let never_both = |values: &Assignment| values[0] == 0 || values[1] == 0;
        let cover = covered(&[2, 2], &says, &alone(2), 64, &never_both);
        assert_eq!(cover.chosen, [[0, 0], [1, 0], [0, 1]]);
        let many: Vec<Says> = (0..30).map(|name| Says::Is(name, 1)).collect();
        let cover = covered(&[2; 30], &many, &alone(30), 4, &never_both);
        assert!(cover.chosen.iter().all(never_both));
        for name in 0..30 {
            assert!(
                cover.chosen.iter().any(|values| values[name] == 1),
                "{name}"
            );
        }
    }

    fn says(names: usize) -> impl Strategy<Value = Says> {
        let leaf = (0..names, 0..3_usize).prop_map(|(name, value)| Says::Is(name, value));
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|s| Says::Not(Box::new(s))),
                proptest::collection::vec(inner.clone(), 1..3).prop_map(Says::All),
                proptest::collection::vec(inner, 1..3).prop_map(Says::Any),
            ]
        })
    }

    proptest! {
        /// With room enough, every condition that can be taken one way is.
        #[test]
        fn every_condition_is_taken_both_ways(
            says in proptest::collection::vec(says(4), 1..6),
            guard in any::<Option<bool>>(),
            wide in any::<bool>(),
        ) {
            // Names that no condition asks for make the space too large to be gone through.
            let mut sizes = vec![3; 4];
            if wide {
                sizes.extend([9; 8]);
            }
            let mut instances = alone(says.len());
            if let (Some(holds), Some(last)) = (guard, instances.last_mut()) {
                last.guards.push(Guard { formula: 0, holds });
            }
            let cover = covered(&sizes, &says, &instances, 2 * says.len() + 1, &|_| true);
            prop_assert_eq!(cover.all.is_none(), wide);
            for instance in &instances {
                for holds in [true, false] {
                    let seen = |values: &Assignment| {
                        instance.guards.iter().all(|g| says[g.formula].holds(values) == g.holds)
                            && says[instance.formula].holds(values) == holds
                    };
                    let can = (0..81).any(|n| {
                        let mut values = vec![n % 3, n / 3 % 3, n / 9 % 3, n / 27];
                        values.resize(sizes.len(), 0);
                        seen(&values)
                    });
                    prop_assert_eq!(can, cover.chosen.iter().any(seen));
                }
            }
        }
    }
}
