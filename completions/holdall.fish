# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_holdall_global_optspecs
    string join \n color= q/quiet h/help V/version
end

function __fish_holdall_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_holdall_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_holdall_using_subcommand
    set -l cmd (__fish_holdall_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c holdall -n "__fish_holdall_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_needs_command" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_needs_command" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_needs_command" -s V -l version -d 'Print version'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "lint" -d 'Check configs: structure, references, the graph, and the workspace data flow'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "compile" -d 'Print a config with everything resolved, as the service would run it'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "run" -d 'Run a workflow on this machine, with real workspaces'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "transpile" -d 'Turn persist and attach into executable steps, in place or in another form'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "graph" -d 'Show jobs, layers and who sees them'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "persist" -d 'Add a layer to the store'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "attach" -d 'Apply the layers of upstream jobs, in order'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "layers" -d 'Look at the layers of a workspace'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "explain" -d 'Say why a rule exists, with a bad and a good example'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "rules" -d 'List the rules'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "completions" -d 'Print a script that lets a shell complete the command line'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "man" -d 'Print a manual page, or write all of them'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "schema" -d 'Print an embedded JSON Schema'
complete -c holdall -n "__fish_holdall_needs_command" -f -a "verify-probe" -d 'Say what an attach brought; steps of `transpile --verify` call it'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l orb-dir -d 'Orb sources, as NAMESPACE/NAME@VERSION.yml or folders of that name with `@orb.yml`. Default: .holdall/orbs in the project' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l format -d 'How findings are printed. Default: `github` in GitHub Actions, else `human`' -r -f -a "human\t''
concise\t''
json\t''
jsonl\t''
sarif\t''
github\t''
gitlab\t''
junit\t''
checkstyle\t''"
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l select -d 'Only these rules, groups or tags; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l ignore -d 'Not these rules, groups or tags; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l severity -d 'Give rules another level: off, info, warning or error; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l level -d 'Which findings are shown: `pedantic` adds those that are only worth knowing' -r -f -a "default\t''
pedantic\t''"
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l fail-on -d 'The least severity that makes the exit status 1. Default: error' -r -f -a "error\t''
warning\t''
info\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l baseline -d 'Findings that are known, and not reported again' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l branch -d 'The branch that was pushed, `pipeline.git.branch`; there is no tag then' -r
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l tag -d 'The tag that was pushed, `pipeline.git.tag`; there is no branch then' -r
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l parameter -d 'A pipeline parameter; with a full name (`pipeline.number=7`) any value of the pipeline' -r
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l values -d 'YAML or JSON: a map of such names to values; maps below a full name continue it' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l show-suppressed -d 'Also print findings that a comment silences (json, jsonl, sarif)'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l shellcheck -d 'Also ask shellcheck about the scripts of `run` steps; it has to be installed'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l update-baseline -d 'Make all findings known: write them to the baseline'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l fix -d 'Mend findings and write the configs; of `-` the text is printed'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l unsafe -d 'With --fix or --diff: also fixes that are a guess, or change what the config does'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -l diff -d 'Print what --fix would change as a unified diff, and write nothing'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand lint" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l format -d 'What to print. Default: yaml' -r -f -a "yaml\t'A config of version 2, with a comment for each orb'
json\t'The same data as JSON'"
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l orb-dir -d 'Orb sources, as NAMESPACE/NAME@VERSION.yml or folders of that name with `@orb.yml`. Default: .holdall/orbs in the project' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l branch -d 'The branch that was pushed, `pipeline.git.branch`; there is no tag then' -r
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l tag -d 'The tag that was pushed, `pipeline.git.tag`; there is no branch then' -r
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l parameter -d 'A pipeline parameter; with a full name (`pipeline.number=7`) any value of the pipeline' -r
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l values -d 'YAML or JSON: a map of such names to values; maps below a full name continue it' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand compile" -l force -d 'Go on in spite of errors, without what they name'
complete -c holdall -n "__fish_holdall_using_subcommand compile" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand compile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand run" -l dir -d 'The project, or one config of it. Default: the current folder' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand run" -l orb-dir -d 'Orb sources, as NAMESPACE/NAME@VERSION.yml or folders of that name with `@orb.yml`. Default: .holdall/orbs in the project' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand run" -l engine -d 'What runs the jobs: this machine, or containers of the images that they name' -r -f -a "host\t''
podman\t''
docker\t''"
complete -c holdall -n "__fish_holdall_using_subcommand run" -l image -d 'Take another image for one of the config; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -s j -l jobs -d 'Jobs, or nodes of them, at the same time. Default: one a core; 1 with --no-isolation' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l job -d 'Run this job or matrix and what it requires; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l from-run -d 'The run whose layers --only uses: its id, or `last`' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l rerun-from-failed -d 'Run again what did not pass in a run: its id, or `last`' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l context -d 'The variables of a context, one NAME=VALUE a line; may be repeated. Values are masked' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l approve -d 'Approve an approval job; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l branch -d 'The branch that was pushed, `pipeline.git.branch`; there is no tag then' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l tag -d 'The tag that was pushed, `pipeline.git.tag`; there is no branch then' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l parameter -d 'A pipeline parameter; with a full name (`pipeline.number=7`) any value of the pipeline' -r
complete -c holdall -n "__fish_holdall_using_subcommand run" -l values -d 'YAML or JSON: a map of such names to values; maps below a full name continue it' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand run" -l format -d 'How to show it; `holdall schema run-events` describes the JSON' -r -f -a "human\t''
json\t''"
complete -c holdall -n "__fish_holdall_using_subcommand run" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand run" -l only -d 'Run the jobs of --job alone, with the layers of an earlier run'
complete -c holdall -n "__fish_holdall_using_subcommand run" -s n -l dry-run -d 'Show what would run, and run nothing'
complete -c holdall -n "__fish_holdall_using_subcommand run" -l dirty -d 'Check out what git neither tracks nor ignores, too'
complete -c holdall -n "__fish_holdall_using_subcommand run" -l keep -d 'Keep the working directory of each job with its results'
complete -c holdall -n "__fish_holdall_using_subcommand run" -l no-isolation -d 'Run jobs on the bare machine: they can change what you can'
complete -c holdall -n "__fish_holdall_using_subcommand run" -l approve-all -d 'Approve all approval jobs'
complete -c holdall -n "__fish_holdall_using_subcommand run" -l force -d 'Go on in spite of findings'
complete -c holdall -n "__fish_holdall_using_subcommand run" -s v -l verbose -d 'Show all that jobs write, on a terminal too'
complete -c holdall -n "__fish_holdall_using_subcommand run" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand run" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l to -d 'What to write' -r -f -a "circleci\t''
shell\t''
github\t''
gitlab\t''"
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l store -d 'What carries layers (`circleci` only): a folder that all runners see, `cache` for the service\'s own cache, or a store\'s URL (needs `--runtime binary`)' -r
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l orb-dir -d 'Orb sources, as NAMESPACE/NAME@VERSION.yml or folders of that name with `@orb.yml`. Default: .holdall/orbs in the project' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l output -d 'The folder to write below; `-` prints a single file. Default: the repository\'s root' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l runtime -d 'What does the layer operations (all but `shell`): shell functions, or the holdall binary' -r -f -a "sh\t''
binary\t''"
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l report -d 'Write what became of every item of the config: Markdown and, beside it, JSON' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l verify-with -d 'The runner (`github`, `gitlab`), a program with its words: it gets a workflow file, or the approvals. Default: act, gitlab-ci-local' -r
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l engine -d 'What runs the config here: this machine, or containers of the images that jobs name' -r -f -a "host\t''
podman\t''
docker\t''"
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l image -d 'Take another image for one that the config names; may be repeated' -r
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l branch -d 'The branch that was pushed, `pipeline.git.branch`; there is no tag then' -r
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l tag -d 'The tag that was pushed, `pipeline.git.tag`; there is no branch then' -r
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l parameter -d 'A pipeline parameter; with a full name (`pipeline.number=7`) any value of the pipeline' -r
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l values -d 'YAML or JSON: a map of such names to values; maps below a full name continue it' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l force -d 'Replace existing files, and go on in spite of findings'
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l verify -d 'Write nothing: run the config here and the result under the target\'s runner, and compare what every job attaches'
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -l no-isolation -d 'Let both runs change everything that you can change'
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand transpile" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l format -d 'What to print. Default: text' -r -f -a "text\t'A list for people'
mermaid\t'A Mermaid flowchart'
dot\t'A graph for Graphviz'
svg\t'A picture'
json\t'One JSON object; `holdall schema graph` describes it'"
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l workflow -d 'Only this workflow' -r
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l orb-dir -d 'Orb sources, as NAMESPACE/NAME@VERSION.yml or folders of that name with `@orb.yml`. Default: .holdall/orbs in the project' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l branch -d 'The branch that was pushed, `pipeline.git.branch`; there is no tag then' -r
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l tag -d 'The tag that was pushed, `pipeline.git.tag`; there is no branch then' -r
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l parameter -d 'A pipeline parameter; with a full name (`pipeline.number=7`) any value of the pipeline' -r
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l values -d 'YAML or JSON: a map of such names to values; maps below a full name continue it' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand graph" -l force -d 'Go on in spite of errors, without what they name'
complete -c holdall -n "__fish_holdall_using_subcommand graph" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l job -d 'The job that the layer belongs to' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l root -d 'The folder that the paths are relative to' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l requires -d 'The jobs that this one requires, for `attach --all`' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l node -d 'The parallelism index, from 0' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l nodes -d 'How many nodes the job has' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l attempt -d 'The job\'s attempt, from 1' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l seq -d 'The layer\'s number, from 0; without it the next free one' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l compression -d 'zstd, zstd:LEVEL, gzip or none' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand persist" -l durable -d 'Flush to disk before the layer counts'
complete -c holdall -n "__fish_holdall_using_subcommand persist" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand persist" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l at -d 'The target folder; made where it is missing' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l upstream -d 'A job whose layers apply; each is upstream of the next' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l concurrent -d 'Jobs among them that nothing orders, such as `a,b`' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l job -d 'The job that attaches: the graph says what is upstream of it' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l graph -d 'What `holdall graph --format json` printed; `-` reads stdin' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l workflow -d 'The workflow of the job, where several have one of its name' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand attach" -l all -d 'Every layer of the workspace, by the requirements that were recorded'
complete -c holdall -n "__fish_holdall_using_subcommand attach" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "ls" -d 'List the layers'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "show" -d 'Print what is known of one layer'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "files" -d 'List what one layer holds, after checking all of it'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "diff" -d 'Say in what two layers differ'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "verify" -d 'Check digests, sizes and archives of all layers'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "push" -d 'Copy a workspace to another store; what is there already stays'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "pull" -d 'Copy a workspace from another store; what is here already stays'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "prune" -d 'Take away expired workspaces and what crashes left'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "export" -d 'Write a workspace, or the whole store, as one tar'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "import" -d 'Add the layers of such a tar, after checking all of them'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "index" -d 'Write the OCI index, for tools that copy OCI layouts'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and not __fish_seen_subcommand_from ls show files diff verify push pull prune export import index tree" -f -a "tree" -d 'Print the tree digest of a folder'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -l total -d 'Add what the workspace costs: room, storage over time, attaches'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from files" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -l exit-code -d 'End with status 1 where they differ'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l older-than -d 'How old temporary files and blobs without a ref have to be: 1day, 6h' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -s n -l dry-run -d 'Say what would go, and leave it'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -l all -d 'Every workspace of the store'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -l store -d 'The store: a folder, or a URL (file, s3, gs, az, oci)' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -l workspace -d 'The workspace\'s id' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -l store-timeout -d 'How long a store elsewhere may be silent' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -l store-transfers -d 'Transfers that are under way at once' -r
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -l format -r -f -a "human\t'A table for people'
json\t'One JSON object, version 1'"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from index" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from tree" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from tree" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand layers; and __fish_seen_subcommand_from tree" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand explain" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand explain" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand explain" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand rules" -l format -d 'How the list is printed' -r -f -a "table\t''
json\t''"
complete -c holdall -n "__fish_holdall_using_subcommand rules" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand rules" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand rules" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand completions" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand completions" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand completions" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand man" -l output -d 'Write the pages of all commands into this folder instead' -r -F
complete -c holdall -n "__fish_holdall_using_subcommand man" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand man" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand man" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand schema" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand schema" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand schema" -s h -l help -d 'Print help'
complete -c holdall -n "__fish_holdall_using_subcommand verify-probe" -l node -d 'The node of the job' -r
complete -c holdall -n "__fish_holdall_using_subcommand verify-probe" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c holdall -n "__fish_holdall_using_subcommand verify-probe" -s q -l quiet -d 'Say only what went wrong'
complete -c holdall -n "__fish_holdall_using_subcommand verify-probe" -s h -l help -d 'Print help'
