
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'fitout' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'fitout'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'fitout' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Suggest a config for a repository, and write it with the files that run fitout there')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Print the changed manifests, or edit the files in place with -i')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show each change and its reason; writes nothing')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check whether the function ran on manifests, and whether they break a rule of the environment')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain why the fields of an object have their values, or what a rule means')
            [CompletionResult]::new('compare', 'compare', [CompletionResultType]::ParameterValue, 'Compare environments, all or those of -e: fields that differ, and fields that are weaker in a higher environment')
            [CompletionResult]::new('merge-reports', 'merge-reports', [CompletionResultType]::ParameterValue, 'Merge the JSON reports of all shards of a run into the report that one run would have written')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print or explain the config of one environment')
            [CompletionResult]::new('preflight', 'preflight', [CompletionResultType]::ParameterValue, 'Ask the cluster, through kubectl, what it would reject and what it lacks; applies nothing')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of configs, for editors')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Try fitout in this machine''s kustomize, kubectl, kpt, Helm and Docker, and look at the setup of a folder')
            [CompletionResult]::new('helm-plugin', 'helm-plugin', [CompletionResultType]::ParameterValue, 'Run fitout in Helm, as a post-renderer')
            break
        }
        'fitout;init' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Read only these files and directories, or - for the output of `helm template`; default: DIR without examples and tests')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Read only these files and directories, or - for the output of `helm template`; default: DIR without examples and tests')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environments, with commas; default: those of overlays, values files and folders, or else development,staging,production')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environments, with commas; default: those of overlays, values files and folders, or else development,staging,production')
            [CompletionResult]::new('--ci', '--ci', [CompletionResultType]::ParameterName, 'The CI to write a job for; default: the one that the repository has')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Leave out a part; repeatable, or with commas')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Write nothing; with -v also show the contents of the files')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show all workloads, and the contents of the files')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show all workloads, and the contents of the files')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only errors and the lines to add')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only errors and the lines to add')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;apply' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Read only files below PATH that match, or that are in a folder that matches; repeatable')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--allow-functions', '--allow-functions', [CompletionResultType]::ParameterName, 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout''s image is allowed; repeatable')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The variable FITOUT_CACHE_DIR does the same')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Edit the files in place; everything else in them stays byte-identical')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Edit the files in place; everything else in them stays byte-identical')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;plan' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Read only files below PATH that match, or that are in a folder that matches; repeatable')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--allow-functions', '--allow-functions', [CompletionResultType]::ParameterName, 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout''s image is allowed; repeatable')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The variable FITOUT_CACHE_DIR does the same')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('--exit-code', '--exit-code', [CompletionResultType]::ParameterName, 'Exit with 1 if something would change')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;check' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Read only files below PATH that match, or that are in a folder that matches; repeatable')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--allow-functions', '--allow-functions', [CompletionResultType]::ParameterName, 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout''s image is allowed; repeatable')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The variable FITOUT_CACHE_DIR does the same')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('--respect-gitignore', '--respect-gitignore', [CompletionResultType]::ParameterName, 'Leave out what .gitignore excludes, as `plan` and `apply` do')
            [CompletionResult]::new('--exact', '--exact', [CompletionResultType]::ParameterName, 'Report every field whose value differs from the config''s, also those that the manifest sets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;explain' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the object')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the object')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Read only files below PATH that match, or that are in a folder that matches; repeatable')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--allow-functions', '--allow-functions', [CompletionResultType]::ParameterName, 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout''s image is allowed; repeatable')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the explanation')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the explanation')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also list all profiles that do not apply')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also list all profiles that do not apply')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;compare' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files or directories of manifests, or - for standard input. Directories are read recursively: .yaml, .yml and .json files. `check` reads them all; `plan` and `apply` leave out hidden files and what .gitignore excludes')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`. Repeatable')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Read only files below PATH that match, or that are in a folder that matches; repeatable')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--allow-functions', '--allow-functions', [CompletionResultType]::ParameterName, 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout''s image is allowed; repeatable')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment. Its config is fn-config/NAME/fitout.yaml, or the fn-config/all/fitout.yaml or fn-config/fitout.yaml that defines it, here or in the nearest parent directory. With -k, -e and -c override the config of the overlay. `plan`, `check` and `compare` take several')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Only objects in this namespace; objects without one count as `default`')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that these files cause elsewhere. Everything, if the config differs')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the comparison, written to standard output or to FILE; repeatable. One of text, json, markdown, html')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the comparison, written to standard output or to FILE; repeatable. One of text, json, markdown, html')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files are read, since decisions depend on others; `merge-reports` merges their reports')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show every object, and also fields that are the same everywhere')
            [CompletionResult]::new('--exit-code', '--exit-code', [CompletionResultType]::ParameterName, 'Exit with 1 if there are inversions. Without it, only if one is an error: `checks.severity: {FIT-CMP001: Error}`')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only inversions')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only inversions')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;merge-reports' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the merged report, which is JSON, to FILE instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the merged report, which is JSON, to FILE instead of standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;config' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('print', 'print', [CompletionResultType]::ParameterValue, 'Print the config of one environment as a single document, for kpt and other hosts that cannot choose one')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the effective config of one environment, with the line that sets each value')
            break
        }
        'fitout;config;print' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Compare with this file instead; exit with 1 if the file is out of date')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;config;show' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Show the settings of the objects in these files or directories, or - for standard input')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Show the settings of the objects in these files or directories, or - for standard input')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;preflight' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Files or directories of manifests to apply, or - for standard input')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Files or directories of manifests to apply, or - for standard input')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'A kustomize overlay, built with kustomize or kubectl from PATH. Needs no Docker, even if the overlay lists fitout as a container')
            [CompletionResult]::new('--allow-functions', '--allow-functions', [CompletionResultType]::ParameterName, 'Let the build run functions of this image with docker: NAME for any tag of it, or NAME:TAG. By default only fitout''s image is allowed; repeatable')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubectl context; by default the current one')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of objects without one; by default that of the context')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of objects without one; by default that of the context')
            [CompletionResult]::new('--remove-when-alone', '--remove-when-alone', [CompletionResultType]::ParameterName, 'Waits until standard input ends, then deletes this namespace')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;doctor' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of the report')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fitout;helm-plugin' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Write the plugin into Helm''s folder of plugins; needs Helm 4')
            [CompletionResult]::new('print', 'print', [CompletionResultType]::ParameterValue, 'Print the plugin.yaml')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Read the manifests of a chart from standard input and print the changed manifests: Helm calls this')
            break
        }
        'fitout;helm-plugin;install' {
            [CompletionResult]::new('--plugins', '--plugins', [CompletionResultType]::ParameterName, 'The folder of plugins; the default is that of `helm env HELM_PLUGINS`')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fitout;helm-plugin;print' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fitout;helm-plugin;run' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'The environment, as for `fitout apply`')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'The environment, as for `fitout apply`')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The file of the config; -e chooses an environment in it')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the report, written to standard output or to FILE; repeatable. One of text, diff, json, yaml, sarif, junit, github, markdown, html')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail the run on findings of this severity and above. The default is error; for `check`, spec.checks.failOn of the config')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colors')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also print the changes of each object, and findings of severity info')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
