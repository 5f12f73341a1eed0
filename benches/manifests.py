#!/usr/bin/env python3
"""Realistic manifests for measurements: comments, mixed quoting, block scalars, flow lists, both indents of lists.

usage: benches/manifests.py SIZE [CONFIG]

Prints SIZE documents as a stream; with a CONFIG, as a ResourceList with that file as its functionConfig. The same
arguments always print the same bytes.
"""
import random
import sys

MIX = (["Deployment"] * 5 + ["StatefulSet"] * 2 + ["DaemonSet"] + ["CronJob"] * 2 + ["Service"] * 4 +
       ["ConfigMap"] * 3 + ["PersistentVolumeClaim"] + ["Ingress"] + ["NetworkPolicy"])
WORDS = ("order ledger cart payment invoice search catalog profile session stream audit metrics gateway mailer "
         "billing shipment stock report thumb index router edge cache queue worker scheduler import export").split()
TEAMS = ["storefront", "payments", "data-platform", "sre", "identity"]
IMAGES = ["registry.example.com/%s:1.%d.%d", "ghcr.io/acme/%s:v2.%d.%d", "docker.io/library/%s:3.%d.%d-alpine"]
LICENCE = "# Copyright Acme Platform Engineering. Kept in sync by the release train; ask #platform before editing.\n"



class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def meta(self, kind, name, ns, team):
        r = self.r
        s = f"""apiVersion: {{api}}
kind: {kind}
metadata:
  name: {name}
  namespace: {ns}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/part-of: "{team}"
    app.kubernetes.io/version: '{r.randint(1,9)}.{r.randint(0,30)}'   # bumped by CI
    tier: {r.choice(['backend','frontend','data'])}
"""
        if r.random() < .6:
            s += f"""  annotations:
    # owner is used by the paging rota
    acme.example.com/owner: {team}@example.com
    acme.example.com/runbook: "https://runbooks.example.com/{team}/{name}"
"""
        return s

    def container(self, name, ind, extra_ind, init=False):
        """The lines of one container; ind is the indent of the dash, extra_ind that of the lists in it."""
        r = self.r
        b = ind + "  "
        port = r.choice([8080, 8443, 9000, 3000, 5000])
        out = [f"{ind}- name: {name}",
               f"{b}image: {r.choice(IMAGES) % (name, r.randint(0,20), r.randint(0,9))}"
               + (" # pinned by renovate" if r.random() < .4 else "")]
        if r.random() < .5:
            out.append(f"{b}imagePullPolicy: IfNotPresent")
        if r.random() < .5:
            out.append(f'{b}args: ["--listen=:{port}", "--log-level=info", \'--feature={r.choice(WORDS)}\']')
        else:
            out += [f"{b}command:", f"{b}- /bin/{name}", f"{b}- serve", f'{b}- "--config=/etc/{name}/config.yaml"']
        if not init:
            out += [f"{b}ports:", f"{b}{extra_ind}- name: http", f"{b}{extra_ind}  containerPort: {port}",
                    f"{b}{extra_ind}  protocol: TCP"]
        out += [f"{b}env:"]
        for i in range(r.randint(2, 6)):
            w = r.choice(WORDS)
            k = r.random()
            if k < .5:
                out += [f"{b}{extra_ind}- name: {w.upper()}_URL_{i}",
                        f'{b}{extra_ind}  value: "http://{w}.svc.cluster.local:{r.randint(1000,9999)}"']
            elif k < .8:
                out += [f"{b}{extra_ind}- name: {w.upper()}_ENABLED_{i}",
                        f"{b}{extra_ind}  value: '{r.choice(['true','false','yes','no','1','0'])}'  # quoted on purpose"]
            else:
                out += [f"{b}{extra_ind}- name: {w.upper()}_TOKEN_{i}", f"{b}{extra_ind}  valueFrom:",
                        f"{b}{extra_ind}    secretKeyRef:", f"{b}{extra_ind}      name: {w}-secrets",
                        f"{b}{extra_ind}      key: token"]
        k = r.random()
        if k < .25:
            out += [f"{b}resources:", f"{b}  requests:", f"{b}    cpu: 250m", f"{b}    memory: 256Mi",
                    f"{b}  limits:", f'{b}    cpu: "1"', f"{b}    memory: 512Mi"]
        elif k < .45:
            out += [f"{b}resources:", f"{b}  requests:", f"{b}    cpu: {r.choice(['50m','100m','0.5'])}  # from last quarter's p95"]
        elif k < .5:
            out += [f"{b}resources: {{}}"]
        k = r.random()
        if k < .15:
            out += [f"{b}securityContext:", f"{b}  allowPrivilegeEscalation: false", f"{b}  readOnlyRootFilesystem: true",
                    f"{b}  capabilities:", f'{b}    drop: ["ALL"]']
        elif k < .3:
            out += [f"{b}securityContext:", f"{b}  # needs to write its pid file", f"{b}  readOnlyRootFilesystem: false"]
        elif k < .35:
            out += [f"{b}securityContext:", f"{b}  privileged: {r.choice(['true','false'])}"]
        if not init:
            for p in ("livenessProbe", "readinessProbe"):
                if r.random() < .7:
                    out += [f"{b}{p}:", f"{b}  httpGet:", f"{b}    path: /{'healthz' if p[0]=='l' else 'ready'}",
                            f"{b}    port: http", f"{b}  initialDelaySeconds: {r.randint(1,30)}", f"{b}  periodSeconds: 10"]
        out += [f"{b}volumeMounts:", f"{b}{extra_ind}- name: config", f"{b}{extra_ind}  mountPath: /etc/{name}",
                f"{b}{extra_ind}  readOnly: true"]
        return out

    def podtemplate(self, name, team, ind):
        """The lines of `template:` at the indent ind."""
        r = self.r
        e = r.choice(["", "  "])                       # how this document indents lists
        i2, i4 = ind + "  ", ind + "    "
        out = [f"{ind}template:", f"{i2}metadata:", f"{i2}  labels:", f"{i4}  app.kubernetes.io/name: {name}",
               f'{i4}  app.kubernetes.io/part-of: "{team}"']
        k = r.random()
        if k < .2:
            out += [f"{i2}  annotations:", f'{i4}  prometheus.io/scrape: "true"', f'{i4}  prometheus.io/port: "9102"',
                    f"{i4}  prometheus.io/path: /metrics"]
        elif k < .5:
            out += [f"{i2}  annotations:", f"{i4}  checksum/config: {r.getrandbits(160):040x}  # forces a rollout"]
        out += [f"{i2}spec:", f"{i4}serviceAccountName: {name}"]
        k = r.random()
        if k < .2:
            out += [f"{i4}securityContext:", f"{i4}  runAsNonRoot: true", f"{i4}  seccompProfile:", f"{i4}    type: RuntimeDefault"]
        elif k < .4:
            out += [f"{i4}securityContext:", f"{i4}  fsGroup: 2000   # group of the shared volume", f"{i4}  runAsUser: 10001"]
        if r.random() < .3:
            out += [f"{i4}# run database migrations first", f"{i4}initContainers:"]
            out += self.container(name + "-migrate", i4 + e, e, init=True)
        out += [f"{i4}containers:"]
        out += self.container(name, i4 + e, e)
        for j in range(r.choice([0, 0, 0, 1, 1, 2])):
            out += self.container(["proxy", "log-shipper"][j], i4 + e, e)
        if r.random() < .4:
            out += [f"{i4}affinity:", f"{i4}  podAntiAffinity:", f"{i4}    preferredDuringSchedulingIgnoredDuringExecution:",
                    f"{i4}      - weight: 100", f"{i4}        podAffinityTerm:", f"{i4}          topologyKey: kubernetes.io/hostname",
                    f"{i4}          labelSelector:", f"{i4}            matchLabels:", f"{i4}              app.kubernetes.io/name: {name}"]
        out += [f"{i4}volumes:", f"{i4}{e}- name: config", f"{i4}{e}  configMap:", f"{i4}{e}    name: {name}-config"]
        if r.random() < .3:
            out += [f"{i4}{e}- name: tmp", f"{i4}{e}  emptyDir: {{}}"]
        return out

    def doc(self, n):
        r = self.r
        kind = MIX[n % len(MIX)]
        name = f"{r.choice(WORDS)}-{r.choice(WORDS)}-{n}"
        team = r.choice(TEAMS)
        ns = team + r.choice(["", "-eu", "-us"])
        head = LICENCE if r.random() < .5 else ""
        if r.random() < .4:
            head += f"# {name}: see the design note before you change the number of replicas\n"
        m = self.meta(kind, name, ns, team)
        o = []
        if kind in ("Deployment", "StatefulSet", "DaemonSet"):
            api = "apps/v1"
            o = ["spec:"]
            if kind != "DaemonSet":
                o.append(f"  replicas: {r.randint(1,6)}   # HPA owns this in production")
            if kind == "StatefulSet":
                o.append(f"  serviceName: {name}-headless")
            o += ["  selector:", "    matchLabels:", f"      app.kubernetes.io/name: {name}"]
            if kind == "Deployment":
                o += ["  strategy:", "    type: RollingUpdate", "    rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}"]
            o += self.podtemplate(name, team, "  ")
            if kind == "StatefulSet":
                o += ["  volumeClaimTemplates:", "  - metadata:", "      name: data", "    spec:",
                      '      accessModes: ["ReadWriteOnce"]']
                if r.random() < .3:
                    o += ["      storageClassName: legacy-hdd  # old cluster"]
                o += ["      resources:", "        requests:", f"          storage: {r.choice([10,20,50])}Gi"]
        elif kind == "CronJob":
            api = "batch/v1"
            o = ["spec:", f'  schedule: "{r.randint(0,59)} {r.randint(0,23)} * * *"', "  concurrencyPolicy: Forbid",
                 "  jobTemplate:", "    spec:", "      backoffLimit: 2"]
            t = self.podtemplate(name, team, "      ")
            k = next(i for i, l in enumerate(t) if l.strip() == "spec:")
            t.insert(k + 1, "          restartPolicy: OnFailure")
            o += t
        elif kind == "Service":
            api = "v1"
            o = ["spec:", f"  type: {r.choice(['ClusterIP','ClusterIP','LoadBalancer'])}", "  selector:",
                 f"    app.kubernetes.io/name: {name}", "  ports:"]
            for p in range(r.randint(2, 8)):
                o += [f"  - name: p{p}-{r.choice(WORDS)}", f"    port: {r.randint(80,9000)}", f"    targetPort: {r.choice(['http', 8080, 9090])}",
                      "    protocol: TCP   # no UDP through the mesh"]
            o += ["  sessionAffinity: None", "  internalTrafficPolicy: Cluster"]
        elif kind == "ConfigMap":
            api = "v1"
            o = ["data:", '  LOG_LEVEL: "info"', "  FEATURE_FLAGS: 'a,b,c'", "  application.yaml: |"]
            for i in range(r.randint(14, 34)):
                o += [f"    {r.choice(WORDS)}{i}:", f"      url: jdbc:postgresql://{r.choice(WORDS)}-db.{ns}.svc:5432/{r.choice(WORDS)}",
                      f"      pool: {{min: {r.randint(1,5)}, max: {r.randint(6,50)}}}   # not a comment: inside a block scalar"]
                if i % 7 == 3:
                    o.append("")
            o += ["  nginx.conf: |-", "    worker_processes auto;", "    events { worker_connections 1024; }", "    http {"]
            for i in range(r.randint(4, 12)):
                o += ["      server {", f"        listen {r.randint(8000,9000)};", f"        server_name {r.choice(WORDS)}.example.com;",
                      f"        location / {{ proxy_pass http://{r.choice(WORDS)}:8080; }}", "      }"]
            o += ["    }", "  motd: >-", "    This text is folded over", "    two lines by the emitter."]
        elif kind == "PersistentVolumeClaim":
            api = "v1"
            o = ["spec:", "  accessModes:", "    - ReadWriteOnce"]
            if r.random() < .3:
                o += ["  storageClassName: legacy-hdd  # old cluster"]
            o += ["  resources:", "    requests:", f"      storage: {r.choice([1,5,100])}Gi", "  volumeMode: Filesystem"]
        elif kind == "Ingress":
            api = "networking.k8s.io/v1"
            o = ["spec:", "  ingressClassName: nginx", "  rules:"]
            for i in range(r.randint(2, 6)):
                o += [f'  - host: "{r.choice(WORDS)}{i}.example.com"', "    http:", "      paths:"]
                for p in range(r.randint(1, 3)):
                    o += [f"      - path: /{r.choice(WORDS)}", "        pathType: Prefix", "        backend:", "          service:",
                          f"            name: {r.choice(WORDS)}", "            port: {number: 8080}"]
        else:
            api = "networking.k8s.io/v1"
            o = ["spec:", "  podSelector:", "    matchLabels:", f"      app.kubernetes.io/name: {name}", "  policyTypes: [Ingress, Egress]", "  ingress:"]
            for i in range(r.randint(2, 5)):
                o += ["  - from:", "    - namespaceSelector:", "        matchLabels:", f"          kubernetes.io/metadata.name: {r.choice(TEAMS)}",
                      "    ports:", f"    - port: {r.randint(80,9999)}", "      protocol: TCP"]
            o += ["  egress:", "  - {}   # opened for the migration, close it afterwards"]
        return head + m.replace("{api}", api) + "\n".join(o) + "\n"


def item(document):
    """A document as an item of a list: comments above it stay above the dash."""
    lines = document.splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    body = ["- " + lines[first]] + [("  " + line if line else "") for line in lines[first + 1:]]
    return "\n".join(lines[:first] + body) + "\n"


def resource_list(documents, config):
    text = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n"
    text += "".join("  " + line for line in config)
    if not documents:
        return text + "items: []\n"
    return text + "items:\n" + "".join(item(document) for document in documents)


def main():
    generator = Generator(20261121)
    documents = [generator.doc(n) for n in range(int(sys.argv[1]))]
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as config:
            sys.stdout.write(resource_list(documents, config))
    else:
        sys.stdout.write("---\n".join(documents))


if __name__ == "__main__":
    main()
