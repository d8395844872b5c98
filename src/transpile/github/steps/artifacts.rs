//! Artifacts for people, and test reports.

use super::{Current, Writer};
use crate::plan::{RunWhen, StoreArtifactsStep, StoreTestResultsStep, actual};
use crate::transpile::github::actions::UPLOAD;
use crate::transpile::github::write::Block;
use crate::transpile::values::Script;
use crate::yaml::Data;

impl Writer<'_> {
    pub(super) fn artifacts(&mut self, current: &Current<'_>, store: &StoreArtifactsStep) {
        self.ledger.converted(current.node, current.own());
        self.ledger.converted(current.node, "destination");
        let block = self.titled(current, "Store artifacts");
        let path = self.context.located(&store.path);
        let to = store.destination.as_ref().map(|d| actual(&d.value));
        self.upload(current, block, &path, to.as_deref());
    }

    pub(super) fn test_results(&mut self, current: &Current<'_>, store: &StoreTestResultsStep) {
        let why = "the reports are kept as an artifact: GitHub shows no tests by itself";
        self.ledger.approximated(current.node, current.own(), why);
        let mut block = self.titled(current, "Store test results");
        block.note(format!("Differs: {why}."));
        let path = self.context.located(&store.path);
        self.upload(current, block, &path, Some("test-results"));
    }

    fn upload(&mut self, current: &Current<'_>, mut block: Block, path: &str, to: Option<&str>) {
        let n = self.artifacts;
        self.artifacts += 1;
        let job = self.job();
        let label: String = to
            .unwrap_or_default()
            .chars()
            .map(|c| match c {
                '"' | ':' | '<' | '>' | '|' | '*' | '?' | '\\' | '/' | '\r' | '\n' | '$' | '{'
                | '}' => '-',
                c => c,
            })
            .collect();
        let node = match job.parallelism > 1 {
            true => ".${{ matrix.node }}",
            false => "",
        };
        let id = crate::layer::encode_job(&actual(&job.name));
        let name = match label.trim_matches(['-', '.']) {
            "" => format!("{id}{node}.{n}"),
            label => format!("{id}{node}.{n}.{label}"),
        };
        block.put("uses", UPLOAD.uses);
        let with = vec![
            ("name".to_owned(), name.into()),
            ("path".to_owned(), path.into()),
            ("if-no-files-found".to_owned(), "warn".into()),
            ("include-hidden-files".to_owned(), Data::Bool(true)),
            ("overwrite".to_owned(), Data::Bool(true)),
        ];
        block.put("with", Data::Map(with));
        // It runs after a failure too.
        self.put(
            current,
            block,
            Script::default(),
            current.when(RunWhen::Always),
        );
    }
}
