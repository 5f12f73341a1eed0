//! Security contexts of pods and containers.

use std::borrow::Cow;

use super::view::View;

/// The fields of a security context that the checks read.
#[derive(Debug, Default)]
pub struct Context<'a> {
    /// `allowPrivilegeEscalation`
    pub allow_privilege_escalation: Option<bool>,
    /// `privileged`
    pub privileged: Option<bool>,
    /// `runAsNonRoot`
    pub run_as_non_root: Option<bool>,
    /// `runAsUser`
    pub run_as_user: Option<i128>,
    /// `windowsOptions.hostProcess`
    pub host_process: Option<bool>,
    /// `readOnlyRootFilesystem`
    pub read_only_root_filesystem: Option<bool>,
    /// `procMount`
    pub proc_mount: Option<Cow<'a, str>>,
    /// The type; empty where there is a profile without one.
    pub seccomp: Option<Cow<'a, str>>,
    /// The type; empty where there is a profile without one.
    pub app_armor: Option<Cow<'a, str>>,
    /// `seLinuxOptions`
    pub se_linux: SeLinux<'a>,
    /// `capabilities.add`
    pub add: Option<View<'a>>,
    /// `capabilities.drop`
    pub drop: Option<View<'a>>,
    /// `sysctls`
    pub sysctls: Option<View<'a>>,
}

/// The fields of `seLinuxOptions` that the checks read; absent fields are empty.
#[derive(Debug, Default)]
pub struct SeLinux<'a> {
    /// `type`
    pub kind: Cow<'a, str>,
    /// `user`
    pub user: Cow<'a, str>,
    /// `role`
    pub role: Cow<'a, str>,
}

impl<'a> Context<'a> {
    pub(super) fn of(written: Option<View<'a>>) -> Context<'a> {
        let mut context = Context::default();
        if let Some(written) = written {
            context.read(written);
        }
        context
    }

    pub(super) fn read(&mut self, written: View<'a>) {
        for (field, value) in written.entries() {
            self.set(&field, value);
        }
    }

    fn set(&mut self, field: &str, value: View<'a>) {
        // A profile without a type counts as set.
        let profile = || Some(value.get("type").map(View::text).unwrap_or_default());
        match field {
            "allowPrivilegeEscalation" => self.allow_privilege_escalation = value.bool(),
            "privileged" => self.privileged = value.bool(),
            "runAsNonRoot" => self.run_as_non_root = value.bool(),
            "runAsUser" => self.run_as_user = value.int(),
            "readOnlyRootFilesystem" => self.read_only_root_filesystem = value.bool(),
            "procMount" => self.proc_mount = Some(value.text()),
            "windowsOptions" => self.host_process = value.get("hostProcess").and_then(View::bool),
            "seccompProfile" => self.seccomp = profile(),
            "appArmorProfile" => self.app_armor = profile(),
            "seLinuxOptions" => {
                let text = |key: &str| value.get(key).map(View::text).unwrap_or_default();
                self.se_linux = SeLinux {
                    kind: text("type"),
                    user: text("user"),
                    role: text("role"),
                };
            }
            "capabilities" => (self.add, self.drop) = (value.get("add"), value.get("drop")),
            "sysctls" => self.sysctls = Some(value),
            _ => {}
        }
    }
}
