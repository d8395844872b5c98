//! The name that a mistyped one was meant to be. A large config asks for thousands of names among
//! thousands, so that most of them have to be told apart at little cost.

/// Returns the name nearest to a mistyped one, if one is near enough to be meant: the first of
/// those at the least distance.
#[must_use]
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let meant: Vec<char> = wrong.chars().collect();
    let mut distance = Distance::to(&meant);
    let mut allowed = (meant.len() / 3).clamp(1, 4);
    let mut found = None;
    for name in names.into_iter().filter(|name| *name != wrong) {
        if let Some(far) = distance.within(name, allowed) {
            found = Some(name);
            // A later one has to be nearer.
            match far {
                0 | 1 => break,
                _ => allowed = far - 1,
            }
        }
    }
    found
}

/// The least number of signs to insert, take away, change or swap with their neighbour, where that
/// is few: the distance of optimal string alignment, as far as it is asked for.
struct Distance<'w> {
    wrong: &'w [char],
    name: Vec<char>,
    /// The last three rows of the table: a row holds, for each beginning of the wrong name, how far
    /// it is from a beginning of the other one.
    rows: [Vec<usize>; 3],
}

impl<'w> Distance<'w> {
    fn to(wrong: &'w [char]) -> Self {
        Self {
            wrong,
            name: Vec::new(),
            rows: [(); 3].map(|()| vec![0; wrong.len() + 1]),
        }
    }

    /// Returns the distance of a name that is no further off than what is allowed.
    fn within(&mut self, name: &str, allowed: usize) -> Option<usize> {
        let wrong = self.wrong;
        // A sign has four bytes at most.
        if name.len() > 4 * (wrong.len() + allowed) {
            return None;
        }
        self.name.clear();
        self.name.extend(name.chars());
        if self.name.len().abs_diff(wrong.len()) > allowed {
            return None;
        }
        let [before, last, row] = &mut self.rows;
        let beyond = allowed + 1;
        let mut least_before = 0;
        for (i, cell) in last.iter_mut().enumerate() {
            *cell = i.min(beyond);
        }
        for (j, sign) in self.name.iter().enumerate() {
            // Only cells near the diagonal can be within what is allowed.
            let first = (j + 1).saturating_sub(allowed);
            let end = (j + 1 + allowed).min(wrong.len());
            let mut least = beyond;
            if first == 0 {
                row[0] = j + 1;
                least = least.min(j + 1);
            } else {
                row[first - 1] = beyond;
            }
            for i in first.max(1)..=end {
                let same = wrong[i - 1] == *sign;
                let mut cell = last[i - 1] + usize::from(!same);
                cell = cell.min(row[i - 1] + 1).min(last[i] + 1);
                if i > 1 && j > 0 && wrong[i - 1] == self.name[j - 1] && wrong[i - 2] == *sign {
                    cell = cell.min(before[i - 2] + 1);
                }
                row[i] = cell.min(beyond);
                least = least.min(cell);
            }
            if let Some(cell) = row.get_mut(end + 1) {
                *cell = beyond;
            }
            // What follows comes from this row and, by a swap, from the one before.
            if least > allowed && least_before > allowed {
                return None;
            }
            least_before = least;
            std::mem::swap(before, last);
            std::mem::swap(last, row);
        }
        Some(last[wrong.len()]).filter(|distance| *distance <= allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(nearest("biuld", ["build", "test"]), Some("build"));
        assert_eq!(nearest("deploy", ["build", "test"]), None);
        assert_eq!(nearest("ab", ["xy"]), None);
    }

    /// The same by whole tables.
    fn slow<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
        let allowed = (wrong.chars().count() / 3).clamp(1, 4);
        names
            .iter()
            .map(|name| (strsim::osa_distance(wrong, name), *name))
            .filter(|(distance, name)| *distance <= allowed && *name != wrong)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name)
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(2000))]
        #[test]
        fn a_part_of_the_table_says_what_the_whole_says(
            wrong in "[abcß]{0,14}",
            names in proptest::collection::vec("[abcß]{0,14}", 0..6),
            edits in proptest::collection::vec((0..15_usize, 0..4_u8), 0..5),
        ) {
            // One name is made from the wrong one, by a few mistakes.
            let mut near: Vec<char> = wrong.chars().collect();
            for (at, kind) in edits {
                match kind {
                    0 if at <= near.len() => near.insert(at, 'c'),
                    1 if at < near.len() => drop(near.remove(at)),
                    2 if at < near.len() => near[at] = 'ß',
                    3 if at + 1 < near.len() => near.swap(at, at + 1),
                    _ => {}
                }
            }
            let near: String = near.into_iter().collect();
            let names: Vec<&str> = names.iter().map(String::as_str).chain([near.as_str()]).collect();
            proptest::prop_assert_eq!(nearest(&wrong, names.iter().copied()), slow(&wrong, &names));
        }
    }
}
