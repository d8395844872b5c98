//! Reads as much of Markdown as the tests need: fenced blocks, headings, links.

use std::path::PathBuf;

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// What stands behind the fence: the language, and words for the tests.
    pub(crate) info: String,
    /// The line of the fence, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A page, by its path from the root of the repository.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
    /// The lines outside of blocks, with their numbers.
    pub(crate) prose: Vec<(usize, String)>,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(crate::common::root().join(name)).unwrap();
        let (mut blocks, mut prose) = (Vec::new(), Vec::new());
        let mut open: Option<Block> = None;
        for (i, line) in text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(info)) => {
                    open = Some(Block {
                        info: info.trim().to_owned(),
                        line: i + 1,
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text.extend([line, "\n"]),
                (None, None) => prose.push((i + 1, line.to_owned())),
            }
        }
        assert!(open.is_none(), "{name}: a fence is not closed");
        Self {
            name: name.to_owned(),
            blocks,
            prose,
        }
    }

    /// The names by which headings are linked to, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose.iter().filter_map(|(_, line)| {
            let text = line.trim_start_matches('#');
            (text.len() < line.len()).then(|| text.trim().to_lowercase())
        });
        let slug = |heading: String| {
            let kept = heading.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                '-' | '_' => Some(c),
                _ => c.is_alphanumeric().then_some(c),
            });
            kept.collect()
        };
        headings.map(slug).collect()
    }

    /// The targets of links and pictures, with their lines. What stands in backticks is no link.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        for (number, line) in &self.prose {
            let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
            for (_, rest) in plain
                .match_indices("](")
                .map(|(i, m)| plain.split_at(i + m.len()))
            {
                let target = rest.split(')').next().unwrap_or(rest);
                out.push((*number, target.trim().to_owned()));
            }
        }
        out
    }
}

/// Every Markdown file of the repository, by its path from the root.
pub(crate) fn everywhere() -> Vec<String> {
    let root = crate::common::root();
    let (mut found, mut left) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(root.join(&dir)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = dir.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if !["target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
                    left.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// The pages whose commands are run: what stands at the root, and below `docs` all that is no page
/// of a rule.
pub(crate) fn with_commands() -> Vec<Page> {
    let is_one = |name: &&String| {
        !name.contains('/') || name.starts_with("docs/") && !name.starts_with("docs/rules/")
    };
    everywhere()
        .iter()
        .filter(is_one)
        .map(|n| Page::read(n))
        .collect()
}
