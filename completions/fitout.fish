# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_fitout_global_optspecs
    string join \n h/help V/version
end

function __fish_fitout_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_fitout_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_fitout_using_subcommand
    set -l cmd (__fish_fitout_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c fitout -n "__fish_fitout_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_needs_command" -s V -l version -d 'Print version'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "init" -d 'Suggest a config for a repository, and write it with the files that run fitout there'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "apply" -d 'Print the changed manifests, or edit the files in place with -i'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "plan" -d 'Show each change and its reason; writes nothing'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "check" -d 'Check whether the function ran on manifests, and whether they break a rule of the environment'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "explain" -d 'Explain why the fields of an object have their values, or what a rule means'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "compare" -d 'Compare environments, all or those of -e: fields that differ, and fields that are weaker in a higher environment'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "merge-reports" -d 'Merge the JSON reports of all shards of a run into the report that one run would have written'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "config" -d 'Print or explain the config of one environment'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "preflight" -d 'Ask the cluster, through kubectl, what it would reject and what it lacks; applies nothing'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "schema" -d 'Print the JSON Schema of configs, for editors'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "doctor" -d 'Try fitout in this machine\'s kustomize, kubectl, kpt, Helm and Docker, and look at the setup of a folder'
complete -c fitout -n "__fish_fitout_needs_command" -f -a "helm-plugin" -d 'Run fitout in Helm, as a post-renderer'
complete -c fitout -n "__fish_fitout_using_subcommand init" -s f -l filename -d 'Read only these files and directories, or - for the output of `helm template`; default: DIR without examples and tests' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand init" -s e -l environment -d 'The environments, with commas; default: those of overlays, values files and folders, or else development,staging,production' -r
complete -c fitout -n "__fish_fitout_using_subcommand init" -l ci -d 'The CI to write a job for; default: the one that the repository has' -r -f -a "github\t''
gitlab\t''
none\t''"
complete -c fitout -n "__fish_fitout_using_subcommand init" -l skip -d 'Leave out a part; repeatable, or with commas' -r -f -a "kustomize\t'The folders for overlays'
ci\t'The CI job'
pre-commit\t'The hook for pre-commit'"
complete -c fitout -n "__fish_fitout_using_subcommand init" -l dry-run -d 'Write nothing; with -v also show the contents of the files'
complete -c fitout -n "__fish_fitout_using_subcommand init" -s v -l verbose -d 'Show all workloads, and the contents of the files'
complete -c fitout -n "__fish_fitout_using_subcommand init" -s q -l quiet -d 'Print only errors and the lines to add'
complete -c fitout -n "__fish_fitout_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s f -l filename -d 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l exclude -d 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l include -d 'Read only files below PATH that match, or that are in a folder that matches; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s k -l kustomize -d 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l allow-functions -d 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout\'s image is allowed; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s e -l environment -d 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s l -l selector -d 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s n -l namespace -d 'Only objects in this namespace; objects without one count as `default`' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l since -d 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l shard -d 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s o -l output -d 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html' -r
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l cache-dir -d 'Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The variable FITOUT_CACHE_DIR does the same' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l fail-on -d 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config' -r -f -a "error\t'Errors'
warning\t'Errors and warnings'
never\t'None, but nothing is written if there are errors'"
complete -c fitout -n "__fish_fitout_using_subcommand apply" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s i -l in-place -d 'Edit the files in place; everything else in them stays byte-identical'
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s q -l quiet -d 'Print only errors'
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s v -l verbose -d 'Also print the changes of each object, and findings of severity info'
complete -c fitout -n "__fish_fitout_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s f -l filename -d 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l exclude -d 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l include -d 'Read only files below PATH that match, or that are in a folder that matches; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s k -l kustomize -d 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l allow-functions -d 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout\'s image is allowed; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s e -l environment -d 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s l -l selector -d 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s n -l namespace -d 'Only objects in this namespace; objects without one count as `default`' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l since -d 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l shard -d 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s o -l output -d 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html' -r
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l cache-dir -d 'Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The variable FITOUT_CACHE_DIR does the same' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l fail-on -d 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config' -r -f -a "error\t'Errors'
warning\t'Errors and warnings'
never\t'None, but nothing is written if there are errors'"
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand plan" -l exit-code -d 'Exit with 1 if something would change'
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s q -l quiet -d 'Print only errors'
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s v -l verbose -d 'Also print the changes of each object, and findings of severity info'
complete -c fitout -n "__fish_fitout_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand check" -s f -l filename -d 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand check" -l exclude -d 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -l include -d 'Read only files below PATH that match, or that are in a folder that matches; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -s k -l kustomize -d 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand check" -l allow-functions -d 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout\'s image is allowed; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -s e -l environment -d 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand check" -s l -l selector -d 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -s n -l namespace -d 'Only objects in this namespace; objects without one count as `default`' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -l since -d 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -l shard -d 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -s o -l output -d 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html' -r
complete -c fitout -n "__fish_fitout_using_subcommand check" -l cache-dir -d 'Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The variable FITOUT_CACHE_DIR does the same' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand check" -l fail-on -d 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config' -r -f -a "error\t'Errors'
warning\t'Errors and warnings'
never\t'None, but nothing is written if there are errors'"
complete -c fitout -n "__fish_fitout_using_subcommand check" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand check" -l respect-gitignore -d 'Leave out what .gitignore excludes, as `plan` and `apply` do'
complete -c fitout -n "__fish_fitout_using_subcommand check" -l exact -d 'Report every field whose value differs from the config\'s, also those that the manifest sets'
complete -c fitout -n "__fish_fitout_using_subcommand check" -s q -l quiet -d 'Print only errors'
complete -c fitout -n "__fish_fitout_using_subcommand check" -s v -l verbose -d 'Also print the changes of each object, and findings of severity info'
complete -c fitout -n "__fish_fitout_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s n -l namespace -d 'The namespace of the object' -r
complete -c fitout -n "__fish_fitout_using_subcommand explain" -l exclude -d 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand explain" -l include -d 'Read only files below PATH that match, or that are in a folder that matches; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s k -l kustomize -d 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand explain" -l allow-functions -d 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout\'s image is allowed; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s e -l environment -d 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several' -r
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s o -l output -d 'Format of the explanation' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c fitout -n "__fish_fitout_using_subcommand explain" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s f -l filename -d 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s v -l verbose -d 'Also list all profiles that do not apply'
complete -c fitout -n "__fish_fitout_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s f -l filename -d 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l exclude -d 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l include -d 'Read only files below PATH that match, or that are in a folder that matches; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s k -l kustomize -d 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l allow-functions -d 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout\'s image is allowed; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s e -l environment -d 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s l -l selector -d 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s n -l namespace -d 'Only objects in this namespace; objects without one count as `default`' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l since -d 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s o -l output -d 'Format of the comparison, written to standard output or to FILE; repeatable. One of text, json, markdown, html' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l shard -d 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports' -r
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l all -d 'Show every object, and also fields that are the same everywhere'
complete -c fitout -n "__fish_fitout_using_subcommand compare" -l exit-code -d 'Exit with 1 if there are inversions. Without it, only if one is an error: `checks.severity: {FIT-CMP001: Error}`'
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s q -l quiet -d 'Print only inversions'
complete -c fitout -n "__fish_fitout_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand merge-reports" -s o -l output -d 'Write the merged report, which is JSON, to FILE instead of standard output' -r
complete -c fitout -n "__fish_fitout_using_subcommand merge-reports" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand config; and not __fish_seen_subcommand_from print show" -s h -l help -d 'Print help'
complete -c fitout -n "__fish_fitout_using_subcommand config; and not __fish_seen_subcommand_from print show" -f -a "print" -d 'Print the config of one environment as a single document, for kpt and other hosts that cannot choose one'
complete -c fitout -n "__fish_fitout_using_subcommand config; and not __fish_seen_subcommand_from print show" -f -a "show" -d 'Show the effective config of one environment, with the line that sets each value'
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from print" -s e -l environment -d 'The environment' -r
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from print" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from print" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from print" -l check -d 'Compare with this file instead; exit with 1 if the file is out of date' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from show" -s e -l environment -d 'The environment' -r
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from show" -s f -l filename -d 'Show the settings of the objects in these files or directories, or - for standard input' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -s f -l filename -d 'Files or directories of manifests to apply, or - for standard input' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -s k -l kustomize -d 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -l allow-functions -d 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout\'s image is allowed; repeatable' -r
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -l context -d 'The kubectl context; by default the current one' -r
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -s n -l namespace -d 'The namespace of objects without one; by default that of the context' -r
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -l remove-when-alone -d 'Waits until standard input ends, then deletes this namespace' -r
complete -c fitout -n "__fish_fitout_using_subcommand preflight" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand doctor" -s o -l output -d 'The format of the report' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c fitout -n "__fish_fitout_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and not __fish_seen_subcommand_from install print run" -s h -l help -d 'Print help'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and not __fish_seen_subcommand_from install print run" -f -a "install" -d 'Write the plugin into Helm\'s folder of plugins; needs Helm 4'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and not __fish_seen_subcommand_from install print run" -f -a "print" -d 'Print the plugin.yaml'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and not __fish_seen_subcommand_from install print run" -f -a "run" -d 'Read the manifests of a chart from standard input and print the changed manifests: Helm calls this'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from install" -l plugins -d 'The folder of plugins; the default is that of `helm env HELM_PLUGINS`' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -s e -l environment -d 'The environment, as for `fitout apply`' -r
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -s c -l config -d 'The file of the config; -e chooses an environment in it' -r -F
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -s o -l output -d 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html' -r
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -l fail-on -d 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config' -r -f -a "error\t'Errors'
warning\t'Errors and warnings'
never\t'None, but nothing is written if there are errors'"
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -l color -d 'When to use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -s q -l quiet -d 'Print only errors'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -s v -l verbose -d 'Also print the changes of each object, and findings of severity info'
complete -c fitout -n "__fish_fitout_using_subcommand helm-plugin; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
