//! fitout drops the two `id` annotations of a host, so that the host does not put comments back (and saves its time).
//!
//! The specification forbids functions to touch them. This test shows that kustomize prints the same with them.

use super::bench::{Bench, ENVIRONMENTS, Need};
use super::objects::assert_same_bytes;

/// kustomize numbers the items twice, from 0 and from 1, so that the dropped number follows from the one that is left.
const PUT_BACK: &str = r#"
/annotations-migration-resource-id:/ {
    margin = substr($0, 1, match($0, /[^ ]/) - 1)
    id = $2
    gsub(/[^0-9]/, "", id)
    printf "%sinternal.config.kubernetes.io/id: \"%d\"\n%sconfig.k8s.io/id: \"%d\"\n", margin, id + 1, margin, id + 1
}
{ print }
"#;

#[test]
fn kustomize_prints_the_same_with_the_ids_put_back() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let count = |file: &str| bench.read(file).matches(" config.k8s.io/id:").count();
    let tree = bench.tree().display().to_string();
    for environment in ENVIRONMENTS {
        bench.wrap("exec \"$fitout\"\n");
        let dropped = bench.reference("caracal", environment);
        bench.wrap(&format!(
            "cd '{tree}'\ncat >in.yaml\n\"$fitout\" <in.yaml >out.yaml\nawk '{PUT_BACK}' out.yaml | tee back.yaml\n"
        ));
        let kept = bench.reference("caracal", environment);
        assert_same_bytes(environment, &dropped, &kept);
        // Otherwise the test would compare equal texts.
        assert_eq!(count("out.yaml"), 0, "{environment}: fitout left ids");
        assert!(count("in.yaml") > 0, "{environment}: kustomize sent no ids");
        assert_eq!(
            count("in.yaml"),
            count("back.yaml"),
            "{environment}: not every id was put back"
        );
    }
}
