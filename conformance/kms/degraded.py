"""Keys in use while nodes lie or are away: `prepare` makes one of each type with all nodes up, `deceived` finds that one
which lies beside one that does not answers nothing, `lied` uses them beside two, `use` with N-T nodes stopped, `lost` finds that T-1 nodes answer nothing. The keys' names are in the folder it runs
in."""
import json, sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

kms = boto3.client("kms", config=Config(retries={"max_attempts": 0}, read_timeout=120))
SIGNING = {
    "ECC_NIST_P256": ("ECDSA_SHA_256", hashes.SHA256()),
    "ECC_NIST_P384": ("ECDSA_SHA_384", hashes.SHA384()),
    "ECC_SECG_P256K1": ("ECDSA_SHA_256", hashes.SHA256()),
    "ECC_NIST_EDWARDS25519": ("ED25519_SHA_512", None),
}


def unavailable(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "KeyUnavailableException", error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        return
    raise AssertionError("KeyUnavailableException was expected")


def prepare():
    names = {spec: kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"] for spec in SIGNING}
    names["symmetric"] = kms.create_key()["KeyMetadata"]["KeyId"]
    names["agreement"] = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    names["blob"] = kms.encrypt(KeyId=names["symmetric"], Plaintext=b"before", EncryptionContext={"a": "b"})["CiphertextBlob"].hex()
    json.dump(names, open("keys.json", "w"))
    # For those who follow the plan while no key can be made, a line each.
    with open("spare", "w") as file:
        for _ in range(4):
            print(*(kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(16)), file=file)


def used():
    names = json.load(open("keys.json"))
    opened = kms.decrypt(CiphertextBlob=bytes.fromhex(names["blob"]), EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == b"before"
    for _ in range(5):
        made = kms.generate_data_key(KeyId=names["symmetric"], KeySpec="AES_256")
        assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    unseen = kms.generate_data_key_without_plaintext(KeyId=names["symmetric"], KeySpec="AES_256")
    assert len(kms.decrypt(CiphertextBlob=unseen["CiphertextBlob"])["Plaintext"]) == 32
    for spec, (algorithm, hash) in SIGNING.items():
        public = serialization.load_der_public_key(kms.get_public_key(KeyId=names[spec])["PublicKey"])
        signature = kms.sign(KeyId=names[spec], Message=b"letter", SigningAlgorithm=algorithm)["Signature"]
        public.verify(signature, b"letter", *([ec.ECDSA(hash)] if hash else []))
        assert kms.verify(KeyId=names[spec], Message=b"letter", SigningAlgorithm=algorithm, Signature=signature)["SignatureValid"]
    peer = ec.generate_private_key(ec.SECP256R1())
    own = serialization.load_der_public_key(kms.get_public_key(KeyId=names["agreement"])["PublicKey"])
    spki = peer.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    answer = kms.derive_shared_secret(KeyId=names["agreement"], KeyAgreementAlgorithm="ECDH", PublicKey=spki)
    assert answer["SharedSecret"] == peer.exchange(ec.ECDH(), own)
    kms.tag_resource(KeyId=names["symmetric"], Tags=[{"TagKey": "changed", "TagValue": "with a node away"}])
    assert kms.list_resource_tags(KeyId=names["symmetric"])["Tags"][0]["TagKey"] == "changed"


def deceived():
    names = json.load(open("keys.json"))
    unavailable(kms.decrypt, CiphertextBlob=bytes.fromhex(names["blob"]), EncryptionContext={"a": "b"})
    unavailable(kms.encrypt, KeyId=names["symmetric"], Plaintext=b"x")


def lied():
    used()
    # What it says to other nodes is true, so keys are made.
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])["Plaintext"] == b"x"


def use():
    used()
    names = json.load(open("keys.json"))
    # A key that fewer than all nodes hold could be lost with one disk.
    unavailable(kms.create_key)
    unavailable(kms.rotate_key_on_demand, KeyId=names["symmetric"])


def lost():
    names = json.load(open("keys.json"))
    unavailable(kms.encrypt, KeyId=names["symmetric"], Plaintext=b"x")
    unavailable(kms.decrypt, CiphertextBlob=bytes.fromhex(names["blob"]), EncryptionContext={"a": "b"})
    unavailable(kms.sign, KeyId=names["ECC_NIST_P256"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")


{"prepare": prepare, "deceived": deceived, "lied": lied, "use": use, "lost": lost}[sys.argv[1]]()
print(f"{sys.argv[1]}: passed")
