//! The name that a mistyped one was meant to be. A large config asks for thousands of names among
//! thousands, so that most of them have to be told apart at little cost.

/// Returns the name nearest to a mistyped one, if one is near enough to be meant: the first of
/// those at the least distance.
#[must_use]
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wrong.chars().count();
    let mut allowed = (length / 3).clamp(1, 4);
    let mut found = None;
    for name in names.into_iter().filter(|name| *name != wrong) {
        // Names are at least as far apart as their lengths.
        if name.chars().count().abs_diff(length) > allowed {
            continue;
        }
        let distance = strsim::osa_distance(wrong, name);
        if distance > allowed {
            continue;
        }
        found = Some(name);
        // A later one has to be nearer.
        match distance {
            0 | 1 => break,
            _ => allowed = distance - 1,
        }
    }
    found
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

    /// The same by looking at all of them.
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
        fn what_is_not_looked_at_is_not_nearer(
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
