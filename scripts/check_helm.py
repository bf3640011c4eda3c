"""check_helm.py CHART - see check_helm.sh. Ends with a sentence, or with what is wrong."""

import sys

import helm_python
import kubernetes_validate
import yaml

KUBERNETES = ["1.29.0", "1.37.0"]
NEEDED = {"image": {"repository": "images.example.com/millwright"}, "existingSecret": "millwright"}
INGRESS = {"enabled": True, "host": "millwright.example.com", "tlsSecret": "tls", "className": "nginx"}

# What must render, and the kinds that must come out.
ALWAYS = {"Deployment", "Service", "ServiceAccount"}
GOOD = {
    "as it comes": ({}, {"Job", "NetworkPolicy", "PersistentVolumeClaim"}),
    "three replicas behind an ingress": (
        {"replicas": 3, "persistence": {"enabled": False}, "ingress": INGRESS},
        {"Job", "NetworkPolicy", "Ingress", "PodDisruptionBudget"},
    ),
    "two identity providers": (
        {"identityProviders": '[[provider]]\nid = "plant"\n'},
        {"ConfigMap", "Job", "NetworkPolicy", "PersistentVolumeClaim"},
    ),
    "a watched share and a file of models": (
        {
            "env": {"WATCH_ROOT": "/srv/shares", "MODELS_FILE": "/etc/models/models.yaml", "EMBEDDING_MODEL": "vectors"},
            "extraVolumes": [
                {"name": "manuals", "nfs": {"server": "files.example.com", "path": "/manuals", "readOnly": True}},
                {"name": "models", "configMap": {"name": "models"}},
            ],
            "extraVolumeMounts": [
                {"name": "manuals", "mountPath": "/srv/shares/ten_1/manuals", "readOnly": True},
                {"name": "models", "mountPath": "/etc/models", "readOnly": True},
            ],
            "podSecurityContext": {"supplementalGroups": [2000, 1234601103]},
        },
        {"Job", "NetworkPolicy", "PersistentVolumeClaim"},
    ),
    "as little as possible": (
        {"networkPolicy": {"enabled": False}, "migration": {"enabled": False}, "persistence": {"enabled": False}},
        set(),
    ),
}
SECRETS = {"DATABASE_URL", "DATABASE_ADMIN_URL", "PLATFORM_DATABASE_URL", "SECRET_KEY", "LLM_API_KEY", "REDIS_URL", "OIDC_CLIENT_SECRET"}
# What must be refused, with a word that its message must hold.
BAD = {
    "no image": ({"image": {"repository": ""}}, "repository"),
    "no secret": ({"existingSecret": ""}, "existingSecret"),
    "a volume for two replicas": ({"replicas": 2}, "replicas"),
    "a secret among the plain settings": ({"env": {"SECRET_KEY": "x"}}, "SECRET_KEY"),
    "an ingress without a host": ({"ingress": {"enabled": True}}, "host"),
    "the group of root": ({"podSecurityContext": {"supplementalGroups": [0]}}, "supplementalGroups"),
    "a mount without a place": ({"extraVolumeMounts": [{"name": "manuals"}]}, "mountPath"),
    "a misspelt setting": ({"replica": 2}, "replica"),
}


def merged(base, changes):
    both = dict(base)
    for name, value in changes.items():
        both[name] = merged(base[name], value) if isinstance(value, dict) and isinstance(base.get(name), dict) else value
    return both


def render(chart, values):
    files = helm_python.Chart.load(chart).render(merged(NEEDED, values), name="mw", namespace="plant")
    texts = (text for name, text in sorted(files.items()) if name.endswith(".yaml"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def validate(name, document, version):
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        place = ".".join(str(part) for part in error.path)
        sys.exit(f"{name}: {document['kind']} at {place}, Kubernetes {version}: {error.message}")


def check_hardening(document):
    """Every pod runs without privileges, as nobody in particular, on a read-only file system."""
    pod = document["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] and security["capabilities"]["drop"] == ["ALL"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
        assert security["allowPrivilegeEscalation"] is False and "memory" in container["resources"]["limits"]
        for variable in container["env"]:
            assert (variable["name"] in SECRETS) == ("valueFrom" in variable), variable["name"]
            # Only the migration makes and uses the logins that see more than the application.
            if variable["name"] in ("DATABASE_ADMIN_URL", "PLATFORM_DATABASE_URL"):
                assert document["kind"] == "Job", variable["name"]


def main():
    chart = sys.argv[1]
    for version in KUBERNETES:
        errors = helm_python.lint(chart, NEEDED, strict=True, kube_version=version)["errors"]
        if errors:
            sys.exit(f"lint: {errors}")
    objects = 0
    for name, (values, kinds) in GOOD.items():
        documents = render(chart, values)
        found = {document["kind"] for document in documents}
        if found != ALWAYS | kinds:
            sys.exit(f"{name}: rendered {sorted(found)}")
        for document in documents:
            objects += 1
            for version in KUBERNETES:
                validate(name, document, version.rsplit(".", 1)[0])
            if document["kind"] in ("Deployment", "Job"):
                check_hardening(document)
    for name, (values, word) in BAD.items():
        try:
            render(chart, values)
        except helm_python.HelmError as error:
            if word not in str(error):
                sys.exit(f"{name}: refused with {error}")
        else:
            sys.exit(f"{name}: was not refused")
    print(f"the chart lints, {len(GOOD)} renderings with {objects} objects are valid, {len(BAD)} mistakes are refused")


main()
