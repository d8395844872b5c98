//! A `checkout` step.

use super::{Current, Writer};
use crate::circleci::actual;
use crate::plan::CheckoutStep;
use crate::transpile::github::actions::CHECKOUT;
use crate::transpile::github::text;
use crate::transpile::github::write::Block;
use crate::transpile::values::Script;
use crate::words::quoted;
use crate::yaml::Data;

impl Writer<'_> {
    pub(super) fn checkout(&mut self, current: &Current<'_>, step: &CheckoutStep) {
        for key in ["checkout", "path", "method", "depth"] {
            self.ledger.converted(current.node, key);
        }
        let mut block = self.titled(current, "Checkout");
        block.put("uses", CHECKOUT.uses);
        let path = self.below(step);
        let outside = path.starts_with(['/', '~']) || path.starts_with("..");
        let aside = self.used || outside;
        let mut with = history(step);
        match (aside, path.as_str()) {
            (true, _) => with.push(("path".into(), ".checkout".into())),
            (false, "" | ".") => {}
            (false, path) => with.push(("path".into(), text::escaped(path).into())),
        }
        with.push(("persist-credentials".into(), Data::Bool(self.pushes)));
        block.put("with", Data::Map(with));
        if self.pushes {
            block.note("A later step pushes: the credentials stay. Pushing needs `permissions: {contents: write}`.");
            self.ledger.manual(current.node, "checkout", "a later step pushes: give the job `permissions: {contents: write}`, or a key of its own");
        }
        self.put(current, block, Script::default(), current.on_success());
        if aside {
            self.put_in_place(current, &path);
        }
    }

    /// Returns where to, relative to the working directory where that is so.
    fn below(&self, step: &CheckoutStep) -> String {
        let own = actual(&self.job().working_directory.value);
        let path = step.path.as_ref().map(|p| actual(&p.value));
        let path = path.unwrap_or_default();
        let path = match path.strip_prefix(&own) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
            _ => path.as_str(),
        };
        let path = path.trim_start_matches("./").trim_end_matches('/');
        path.to_owned()
    }

    fn put_in_place(&mut self, current: &Current<'_>, path: &str) {
        let mut block = Block::default();
        block.note("The action empties the folder that it fills: what earlier steps left there stays in this way.");
        block
            .put("name", "Put the checkout in its place")
            .put("shell", "sh");
        let target = match path.strip_prefix("~/") {
            Some(rest) => format!("\"$HOME\"/{}", quoted(rest)),
            None if path == "~" => "\"$HOME\"".to_owned(),
            None if path.is_empty() => ".".to_owned(),
            None => quoted(path),
        };
        let script = Script {
            text: format!("mkdir -p {target}\ncp -a .checkout/. {target}/\nrm -rf .checkout\n"),
            ..Script::default()
        };
        self.put(current, block, script, current.on_success());
    }
}

/// Returns how much of the history is fetched: all of it where nothing is said.
fn history(step: &CheckoutStep) -> Vec<(String, Data)> {
    let depth = |n: i64| ("fetch-depth".to_owned(), Data::Int(n));
    match step.method.as_ref().map(|m| actual(&m.value)).as_deref() {
        Some("shallow") => vec![depth(step.depth.as_ref().map_or(1, |d| i64::from(d.value)))],
        Some("full") => vec![depth(0)],
        _ => vec![depth(0), ("filter".into(), "blob:none".into())],
    }
}
