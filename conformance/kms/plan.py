"""Follows plan.json, as the first argument says: `boto3`, or `cli` for the AWS CLI, the program that AWS_CLI names.
pyca/cryptography checks. Wants the variables that `counterfoil lab up --kms` prints."""
import base64, hashlib, json, os, re, secrets, subprocess, sys, tempfile

import boto3
import botocore.model
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

KMS = boto3.client("kms", config=Config(retries={"max_attempts": 0}, read_timeout=600))
CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_SECG_P256K1": ec.SECP256K1()}
SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


# Members of steps that are the checker's own.
CHECKS = {"key", "usage", "peer", "pair", "public", "spec", "verify", "message", "signature", "agree", "oaep", "plaintext"}


class Refused(Exception):
    """What the agent answers, by AWS's name."""


def text_of(blob):
    return base64.b64encode(blob).decode()


def bytes_of(text):
    return base64.b64decode(text, validate=True)


def blobs(operation):
    """The members of a request that are bytes."""
    shape = KMS.meta.service_model.operation_model(operation).input_shape
    return {name for name, member in shape.members.items() if member.type_name == "blob"}


def plain(value):
    """An answer as AWS's protocol has it: bytes in base64."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return text_of(value) if isinstance(value, bytes) else value


def through_boto3(operation, members):
    call = getattr(KMS, botocore.xform_name(operation))
    binary = blobs(operation)
    try:
        return plain(call(**{name: bytes_of(value) if name in binary else value for name, value in members.items()}))
    except ClientError as error:
        raise Refused(error.response["Error"]["Code"]) from error


def through_cli(operation, members):
    with tempfile.TemporaryDirectory() as folder:
        words = [os.environ.get("AWS_CLI", "aws"), "kms", botocore.xform_name(operation, "-"), "--output", "json"]
        for name, value in members.items():
            option = "--" + botocore.xform_name(name, "-")
            if name in blobs(operation):
                path = os.path.join(folder, name)
                with open(path, "wb") as file:
                    file.write(bytes_of(value))
                words += [option, f"fileb://{path}"]
            elif isinstance(value, bool):
                words.append(option if value else option.replace("--", "--no-", 1))
            else:
                words += [option, value if isinstance(value, str) else json.dumps(value)]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    if done.returncode == 0:
        return json.loads(done.stdout) if done.stdout.strip() else {}
    error = re.search(r"An error occurred \((\w+)\)", done.stderr)
    if not error:
        raise AssertionError(done.stderr)
    raise Refused(error[1])


ASK = {"boto3": through_boto3, "cli": through_cli}[sys.argv[1]]


def at(answer, place):
    """What is at a place; None if nothing is."""
    if not place:
        return answer
    name, _, rest = place.partition(".")
    if name == "*":
        return [at(member, rest) for member in answer]
    if isinstance(answer, list):
        return at(answer[int(name)], rest) if int(name) < len(answer) else None
    return at(answer[name], rest) if isinstance(answer, dict) and name in answer else None


class Follower:
    def __init__(self, variables):
        self.variables = dict(variables)

    def value(self, written):
        """What something written in the plan means here."""
        if isinstance(written, str):
            whole = re.fullmatch(r"\$\{(\w+)\}", written)
            if whole:
                return self.variables[whole[1]]
            return re.sub(r"\$\{(\w+)\}", lambda found: str(self.variables[found[1]]), written)
        if isinstance(written, list):
            return [self.value(member) for member in written]
        if not isinstance(written, dict):
            return written
        if "text" in written:
            return text_of(written["text"].encode())
        if "zeros" in written:
            return text_of(bytes(written["zeros"]))
        if "flip" in written:
            damaged = bytearray(bytes_of(self.value(written["flip"])))
            damaged[written["at"]] ^= 1
            return text_of(bytes(damaged))
        if "digest" in written:
            return text_of(hashlib.new(self.value(written["by"]), bytes_of(self.value(written["digest"]))).digest())
        if "json" in written:
            return json.dumps(self.value(written["json"]))
        members = {name: self.value(member) for name, member in written.items()}
        return {**members.pop("...", {}), **members}

    def step(self, step):
        if "refused" in step:
            try:
                answer = ASK(step["do"], self.value(step["with"]))
            except Refused as refused:
                assert str(refused) == step["refused"], refused
                return
            raise AssertionError(f"{step['refused']} was expected")
        answer = self.answer(step)
        for name, place in step.get("keep", {}).items():
            assert at(answer, place) is not None, (place, answer)
            self.variables[name] = at(answer, place)
        for place, wanted in step.get("is", {}).items():
            assert at(answer, place) == self.value(wanted), (place, answer)
        for place, wanted in step.get("has", {}).items():
            assert self.value(wanted) in at(answer, place), (place, answer)
        for place, unwanted in step.get("lacks", {}).items():
            assert self.value(unwanted) not in at(answer, place), (place, answer)
        for place in step.get("none", []):
            assert at(answer, place) is None, (place, answer)
        for place, size in step.get("bytes", {}).items():
            assert len(bytes_of(at(answer, place))) == self.value(size), (place, answer)

    def answer(self, step):
        own = {name: self.value(value) for name, value in step.items() if isinstance(value, (str, dict)) and name in CHECKS}
        if "do" in step:
            taken = SPARE is not None and step["do"] == "CreateKey"
            answer = ASK("DescribeKey", {"KeyId": SPARE.pop()}) if taken else ASK(step["do"], self.value(step["with"]))
            DONE.add(step["do"])
            return answer
        if "key" in step:
            return key(own["key"], own["usage"])
        if "peer" in step:
            self.peer = ec.generate_private_key(CURVES[own["peer"]])
            return {"public": text_of(self.peer.public_key().public_bytes(*SPKI))}
        if "pair" in step:
            private = serialization.load_der_private_key(bytes_of(own["pair"]), None)
            assert text_of(private.public_key().public_bytes(*SPKI)) == own["public"]
            return {}
        public = serialization.load_der_public_key(bytes_of(own["public"]))
        if "agree" in step:
            assert text_of(self.peer.exchange(ec.ECDH(), public)) == own["agree"]
            return {}
        if "verify" in step:
            verify(public, own["verify"], bytes_of(own["message"]), bytes_of(own["signature"]))
            return {}
        hash = {"1": hashes.SHA1(), "256": hashes.SHA256()}[own["oaep"].rpartition("_")[2]]
        oaep = padding.OAEP(mgf=padding.MGF1(hash), algorithm=hash, label=None)
        return {"ciphertext": text_of(public.encrypt(bytes_of(own["plaintext"]), oaep))}


def verify(public, algorithm, message, signature):
    if algorithm.startswith("ED25519"):
        return public.verify(signature, message)
    hash = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[-3:]]
    if algorithm.startswith("ECDSA"):
        return public.verify(signature, message, ec.ECDSA(hash))
    pss = padding.PSS(mgf=padding.MGF1(hash), salt_length=hash.digest_size)
    return public.verify(signature, message, pss if "PSS" in algorithm else padding.PKCS1v15(), hash)


def key(spec, usage):
    """One key of each kind for all followers of a lab."""
    alias = f"alias/plan/{spec}/{usage}"
    try:
        return ASK("DescribeKey", {"KeyId": alias})
    except Refused:
        made = ASK("CreateKey", {"KeySpec": spec, "KeyUsage": usage})
        ASK("CreateAlias", {"AliasName": alias, "TargetKeyId": made["KeyMetadata"]["KeyId"]})
        return made


DONE = {"CreateKey"}
# Symmetric keys to take where the plan makes one, while too few nodes are up to make any.
SPARE = os.environ["SPARE"].split() if "SPARE" in os.environ else None


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan.json")) as file:
        plan = json.load(file)
    wanted, sizes = sys.argv[2:], os.environ.get("RSA", "").split()
    for case in plan["cases"]:
        if wanted and case["case"] not in wanted or SPARE is not None and case.get("all nodes"):
            continue
        for variables in case.get("for", [{}]):
            spec = variables.get("spec", "")
            if spec.startswith("RSA_") and any("key" in step for step in case["steps"]) and spec[4:] not in sizes:
                continue
            follower = Follower({**variables, "run": secrets.token_hex(8)})
            for step in case["steps"]:
                try:
                    follower.step(step)
                except Exception as error:
                    raise SystemExit(f"{case['case']} {variables}: {json.dumps(step)}: {type(error).__name__} {error}") from error
        print(f"{sys.argv[1]}: {case['case']}: passed", flush=True)
    assert wanted or SPARE is not None or DONE == set(plan["operations"]), DONE ^ set(plan["operations"])


main()
