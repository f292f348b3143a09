"""The KMS agent as boto3 sees it: every operation and key type, with an independent library (pyca/cryptography)
checking the cryptography. Wants the variables that `counterfoil lab up --kms` prints.

    python suite.py            # everything but RSA
    RSA=2048 python suite.py   # and RSA keys of these sizes, which all nodes generate together: minutes each
"""
import hashlib, http.client, json, os, sys, traceback

import boto3
import botocore.auth, botocore.awsrequest, botocore.credentials
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

CONFIG = Config(retries={"max_attempts": 0}, read_timeout=600, parameter_validation=False)
kms = boto3.client("kms", config=CONFIG)
CASES = []


def case(function):
    CASES.append(function)
    return function


def refused(kind, call, **arguments):
    """The call must fail with this error, and with no other."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == kind, error
        return error.response["Error"].get("Message", "")
    raise AssertionError(f"{kind} was expected")


def create(**arguments):
    return kms.create_key(**arguments)["KeyMetadata"]


def symmetric():
    """One key for the cases that only use it."""
    if not hasattr(symmetric, "key"):
        symmetric.key = create(Description="shared")
    return symmetric.key


@case
def identity():
    who = boto3.client("sts", config=CONFIG).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{who['Account']}:user/kms" and len(who["Account"]) == 12
    assert symmetric()["AWSAccountId"] == who["Account"]


@case
def metadata():
    key = create(Description="ünïcode", Tags=[{"TagKey": "team", "TagValue": "blue"}])
    assert key["KeyState"] == "Enabled" and key["Enabled"] and key["Description"] == "ünïcode"
    assert key["KeySpec"] == key["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert key["KeyUsage"] == "ENCRYPT_DECRYPT" and key["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert key["Origin"] == "AWS_KMS" and key["KeyManager"] == "CUSTOMER" and key["MultiRegion"] is False
    assert key["Arn"].endswith(":key/" + key["KeyId"]) and key["KeyId"] == key["KeyId"].lower()
    for name in (key["KeyId"], key["Arn"]):
        assert kms.describe_key(KeyId=name)["KeyMetadata"] == key
    kms.update_key_description(KeyId=key["KeyId"], Description="other")
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == "other"
    refused("NotFoundException", kms.describe_key, KeyId="00000000-0000-0000-0000-000000000000")
    refused("NotFoundException", kms.describe_key, KeyId="alias/nobody")
    refused("NotFoundException", kms.describe_key, KeyId=key["Arn"].replace("us-east-1", "eu-west-1"))
    refused("ValidationException", kms.describe_key)
    refused("SerializationException", kms.describe_key, KeyId=7)
    found = [entry["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}) for entry in page["Keys"]]
    assert key["KeyId"] in found and len(found) == len(set(found))
    refused("InvalidMarkerException", kms.list_keys, Marker="?")
    refused("ValidationException", kms.list_keys, Limit=0)


@case
def bad_creations():
    refused("ValidationException", kms.create_key, KeySpec="ECC_NIST_P999")
    refused("UnsupportedOperationException", kms.create_key, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    refused("ValidationException", kms.create_key, KeySpec="ECC_NIST_P256")
    refused("ValidationException", kms.create_key, KeySpec="ECC_NIST_P256", KeyUsage="ENCRYPT_DECRYPT")
    refused("ValidationException", kms.create_key, KeyUsage="SIGN_VERIFY")
    refused("UnsupportedOperationException", kms.create_key, Origin="EXTERNAL")
    refused("UnsupportedOperationException", kms.create_key, MultiRegion=True)
    refused("MalformedPolicyDocumentException", kms.create_key, Policy="{}")
    refused("TagException", kms.create_key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])


@case
def states():
    key = create()["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    kms.disable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    refused("DisabledException", kms.encrypt, KeyId=key, Plaintext=b"x")
    refused("DisabledException", kms.decrypt, CiphertextBlob=blob)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    refused("ValidationException", kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=6)
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingDeletion" and answer["KeyId"].endswith(key)
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert shown["KeyState"] == "PendingDeletion" and shown["DeletionDate"] == answer["DeletionDate"]
    for call, arguments in [
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.enable_key, {"KeyId": key}),
        (kms.disable_key, {"KeyId": key}),
        (kms.schedule_key_deletion, {"KeyId": key}),
        (kms.create_alias, {"AliasName": "alias/late", "TargetKeyId": key}),
    ]:
        assert "is pending deletion" in refused("KMSInvalidStateException", call, **arguments)
    kms.cancel_key_deletion(KeyId=key)
    refused("KMSInvalidStateException", kms.cancel_key_deletion, KeyId=key)
    refused("DisabledException", kms.decrypt, CiphertextBlob=blob)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@case
def aliases():
    one, two = create(), create()
    kms.create_alias(AliasName="alias/app/one", TargetKeyId=one["KeyId"])
    refused("AlreadyExistsException", kms.create_alias, AliasName="alias/app/one", TargetKeyId=two["KeyId"])
    arn = one["Arn"].split(":key/")[0] + ":alias/app/one"
    for name in ("alias/app/one", arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == one["KeyId"]
        assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == one["Arn"]
    kms.update_alias(AliasName="alias/app/one", TargetKeyId=two["KeyId"])
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == two["KeyId"]
    listed = kms.list_aliases(KeyId=two["KeyId"])["Aliases"]
    assert [(entry["AliasName"], entry["TargetKeyId"], entry["AliasArn"]) for entry in listed] == [("alias/app/one", two["KeyId"], arn)]
    kms.delete_alias(AliasName="alias/app/one")
    refused("NotFoundException", kms.delete_alias, AliasName="alias/app/one")
    refused("NotFoundException", kms.encrypt, KeyId=arn, Plaintext=b"x")
    refused("ValidationException", kms.create_alias, AliasName="app", TargetKeyId=one["KeyId"])
    refused("InvalidAliasNameException", kms.create_alias, AliasName="alias/aws/s3", TargetKeyId=one["KeyId"])


@case
def tags():
    key = create()["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "1"}, {"TagKey": "a", "TagValue": ""}])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "a", "TagValue": ""}, {"TagKey": "b", "TagValue": "2"}]
    kms.untag_resource(KeyId=key, TagKeys=["b", "none"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "a", "TagValue": ""}]
    many = [{"TagKey": f"k{number}", "TagValue": "v"} for number in range(51)]
    refused("LimitExceededException", kms.tag_resource, KeyId=key, Tags=many)


@case
def encryption():
    key = symmetric()
    for length in (1, 32, 4096):
        text = os.urandom(length)
        answer = kms.encrypt(KeyId=key["KeyId"], Plaintext=text)
        opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])
        assert opened["Plaintext"] == text and opened["KeyId"] == answer["KeyId"] == key["Arn"]
        assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    refused("ValidationException", kms.encrypt, KeyId=key["KeyId"], Plaintext=b"")
    refused("ValidationException", kms.encrypt, KeyId=key["KeyId"], Plaintext=bytes(4097))
    one, two = (kms.encrypt(KeyId=key["KeyId"], Plaintext=b"same")["CiphertextBlob"] for _ in range(2))
    assert one != two and len(kms.encrypt(KeyId=key["KeyId"], Plaintext=bytes(32))["CiphertextBlob"]) < 1024
    other = create()["KeyId"]
    refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=one, KeyId=other)
    refused("InvalidKeyUsageException", kms.encrypt, KeyId=other, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    refused("DryRunOperationException", kms.encrypt, KeyId=other, Plaintext=b"x", DryRun=True)
    refused("DryRunOperationException", kms.decrypt, CiphertextBlob=one, DryRun=True)


@case
def contexts():
    key = symmetric()["KeyId"]
    made = {"ab": "c", "d": "e"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=made)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"d": "e", "ab": "c"})["Plaintext"] == b"secret"
    for wrong in ({}, {"a": "bc", "d": "e"}, {"ab": "cde"}, {"abcde": ""}, {"AB": "c", "d": "e"}, {**made, "f": ""}):
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=wrong)
    refused("ValidationException", kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"k": "v" * 9000})


@case
def damaged_blobs():
    blob = kms.encrypt(KeyId=symmetric()["KeyId"], Plaintext=b"secret")["CiphertextBlob"]
    places = range(len(blob)) if os.environ.get("ALL") else sorted({*range(24), *range(24, len(blob), 9), len(blob) - 1})
    for at in places:
        lie = bytearray(blob)
        lie[at] ^= 1
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=bytes(lie))
    for lie in (blob[:-1], blob + b"\0", blob[:20], b"\1", os.urandom(200)):
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=lie)


@case
def data_keys():
    key = symmetric()["KeyId"]
    context = {"purpose": "disk"}
    for arguments, length in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 64}, 64)):
        made = kms.generate_data_key(KeyId=key, EncryptionContext=context, **arguments)
        assert len(made["Plaintext"]) == length
        assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == made["Plaintext"]
        unseen = kms.generate_data_key_without_plaintext(KeyId=key, EncryptionContext=context, **arguments)
        assert "Plaintext" not in unseen
        first, again = (kms.decrypt(CiphertextBlob=unseen["CiphertextBlob"], EncryptionContext=context)["Plaintext"] for _ in range(2))
        assert first == again != made["Plaintext"] and len(first) == length
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=unseen["CiphertextBlob"])
        for at in range(0, len(unseen["CiphertextBlob"]), 13):
            lie = bytearray(unseen["CiphertextBlob"])
            lie[at] ^= 1
            refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=bytes(lie), EncryptionContext=context)
    refused("ValidationException", kms.generate_data_key, KeyId=key)
    refused("ValidationException", kms.generate_data_key, KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
    refused("ValidationException", kms.generate_data_key, KeyId=key, NumberOfBytes=1025)
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    refused("ValidationException", kms.generate_random, NumberOfBytes=1025)


@case
def data_key_pairs():
    key = symmetric()["KeyId"]
    for spec in ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "RSA_2048"):
        made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext={"a": "b"})
        private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        assert private.public_key().public_bytes(serialization.Encoding.DER, spki) == made["PublicKey"]
        opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})
        assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
    unseen = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert "PrivateKeyPlaintext" not in unseen
    serialization.load_der_private_key(kms.decrypt(CiphertextBlob=unseen["PrivateKeyCiphertextBlob"])["Plaintext"], None)


@case
def re_encryption():
    old, new = symmetric(), create()
    blob = kms.encrypt(KeyId=old["KeyId"], Plaintext=b"secret", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob, SourceEncryptionContext={"a": "1"},
        DestinationKeyId=new["KeyId"], DestinationEncryptionContext={"b": "2"},
    )
    assert moved["SourceKeyId"] == old["Arn"] and moved["KeyId"] == new["Arn"]
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})["Plaintext"] == b"secret"
    refused("InvalidCiphertextException", kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=new["KeyId"])


@case
def rotation():
    key = create()["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 365
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 90
    refused("ValidationException", kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=89)
    kms.disable_key_rotation(KeyId=key)
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"0")["CiphertextBlob"]]
    for number in (b"1", b"2"):
        assert kms.rotate_key_on_demand(KeyId=key)["KeyId"].endswith(key)
        blobs.append(kms.encrypt(KeyId=key, Plaintext=number)["CiphertextBlob"])
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs] == [b"0", b"1", b"2"]
    assert [entry["RotationType"] for entry in kms.list_key_rotations(KeyId=key)["Rotations"]] == ["ON_DEMAND"] * 2
    # Material is no key of its own.
    assert len([entry for entry in kms.list_keys(Limit=1000)["Keys"] if entry["KeyId"] == key]) == 1


@case
def policies():
    key = create()["KeyId"]
    account = symmetric()["AWSAccountId"]
    default = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert default["Statement"][0]["Principal"]["AWS"] == f"arn:aws:iam::{account}:root"
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:class": "secret"}}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement, deny]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text)
    assert kms.get_key_policy(KeyId=key)["Policy"] == text
    secret = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"class": "secret"})["CiphertextBlob"]
    public = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"class": "public"})["CiphertextBlob"]
    refused("AccessDeniedException", kms.decrypt, CiphertextBlob=secret, EncryptionContext={"class": "secret"})
    assert kms.decrypt(CiphertextBlob=public, EncryptionContext={"class": "public"})["Plaintext"] == b"x"
    for bad in (
        {**statement, "Principal": {"Service": "s3.amazonaws.com"}},
        {**statement, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {**statement, "Action": "kms:Encrypt"},
    ):
        policy = json.dumps({"Version": "2012-10-17", "Statement": [bad]})
        refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=key, PolicyName="default", Policy=policy)
    assert kms.get_key_policy(KeyId=key)["Policy"] == text


@case
def grants():
    key = symmetric()
    alice = f"arn:aws:iam::{key['AWSAccountId']}:user/alice"
    arguments = dict(
        KeyId=key["KeyId"], GranteePrincipal=alice, RetiringPrincipal=alice, Operations=["Encrypt", "Decrypt"],
        Name="first", Constraints={"EncryptionContextSubset": {"a": "b"}},
    )
    made = kms.create_grant(**arguments)
    assert kms.create_grant(**arguments)["GrantId"] == made["GrantId"]
    other = kms.create_grant(**{**arguments, "Name": "second"})
    listed = {grant["GrantId"]: grant for grant in kms.list_grants(KeyId=key["KeyId"])["Grants"]}
    grant = listed[made["GrantId"]]
    assert grant["Operations"] == ["Decrypt", "Encrypt"] and grant["GranteePrincipal"] == alice
    assert grant["Constraints"] == {"EncryptionContextSubset": {"a": "b"}} and grant["Name"] == "first"
    assert made["GrantId"] in [entry["GrantId"] for entry in kms.list_retirable_grants(RetiringPrincipal=alice)["Grants"]]
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=made["GrantId"])
    refused("NotFoundException", kms.revoke_grant, KeyId=key["KeyId"], GrantId=made["GrantId"])
    kms.retire_grant(GrantToken=other["GrantToken"])
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []
    refused("ValidationException", kms.create_grant, KeyId=key["KeyId"], GranteePrincipal=alice, Operations=["Fly"])


HASH = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def check(public, algorithm, message, signature):
    """Verifies with pyca/cryptography alone."""
    if algorithm.startswith("ED25519"):
        return public.verify(signature, message)
    hash = HASH[algorithm[-3:]]
    if algorithm.startswith("ECDSA"):
        return public.verify(signature, message, ec.ECDSA(hash))
    pss = padding.PSS(mgf=padding.MGF1(hash), salt_length=hash.digest_size)
    return public.verify(signature, message, pss if "PSS" in algorithm else padding.PKCS1v15(), hash)


def signing(spec, algorithms):
    key = create(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyId"]
    shown = kms.get_public_key(KeyId=key)
    assert shown["KeySpec"] == spec and shown["KeyUsage"] == "SIGN_VERIFY" and set(shown["SigningAlgorithms"]) == set(algorithms)
    public = serialization.load_der_public_key(shown["PublicKey"])
    for algorithm in algorithms:
        message = os.urandom(99)
        arguments = dict(KeyId=key, SigningAlgorithm=algorithm)
        if algorithm == "ED25519_PH_SHA_512":
            digest = hashlib.sha512(message).digest()
            signature = kms.sign(Message=digest, MessageType="DIGEST", **arguments)["Signature"]
            assert kms.verify(Message=digest, MessageType="DIGEST", Signature=signature, **arguments)["SignatureValid"]
            refused("ValidationException", kms.sign, Message=message, **arguments)
            continue
        answer = kms.sign(Message=message, **arguments)
        check(public, algorithm, message, answer["Signature"])
        assert answer["SigningAlgorithm"] == algorithm
        assert kms.verify(Message=message, Signature=answer["Signature"], **arguments)["SignatureValid"]
        lie = bytes([message[0] ^ 1]) + message[1:]
        refused("KMSInvalidSignatureException", kms.verify, Message=lie, Signature=answer["Signature"], **arguments)
        if not algorithm.startswith("ED25519"):
            digest = hashlib.new("sha" + algorithm[-3:], message).digest()
            check(public, algorithm, message, kms.sign(Message=digest, MessageType="DIGEST", **arguments)["Signature"])
            refused("ValidationException", kms.sign, Message=digest[:-1], MessageType="DIGEST", **arguments)
        refused("ValidationException", kms.sign, Message=bytes(4097), **arguments)
        refused("DryRunOperationException", kms.sign, Message=message, DryRun=True, **arguments)
    refused("InvalidKeyUsageException", kms.encrypt, KeyId=key, Plaintext=b"x")
    refused("InvalidKeyUsageException", kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    wrong = "RSASSA_PSS_SHA_256" if spec.startswith("ECC") else "ECDSA_SHA_256"
    refused("InvalidKeyUsageException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm=wrong)
    refused("ValidationException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ROT13")
    refused("UnsupportedOperationException", kms.enable_key_rotation, KeyId=key)
    kms.disable_key(KeyId=key)
    refused("DisabledException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm=algorithms[0])


@case
def p256():
    signing("ECC_NIST_P256", ["ECDSA_SHA_256"])


@case
def p384():
    signing("ECC_NIST_P384", ["ECDSA_SHA_384"])


@case
def secp256k1():
    signing("ECC_SECG_P256K1", ["ECDSA_SHA_256"])


@case
def ed25519_keys():
    signing("ECC_NIST_EDWARDS25519", ["ED25519_SHA_512", "ED25519_PH_SHA_512"])


@case
def symmetric_keys_do_not_sign():
    key = symmetric()["KeyId"]
    refused("InvalidKeyUsageException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    refused("UnsupportedOperationException", kms.get_public_key, KeyId=key)


@case
def agreement():
    for spec, curve in (("ECC_NIST_P256", ec.SECP256R1()), ("ECC_NIST_P384", ec.SECP384R1())):
        key = create(KeySpec=spec, KeyUsage="KEY_AGREEMENT")["KeyId"]
        public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
        peer = ec.generate_private_key(curve)
        spki = peer.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        arguments = dict(KeyId=key, KeyAgreementAlgorithm="ECDH")
        answer = kms.derive_shared_secret(PublicKey=spki, **arguments)
        assert answer["SharedSecret"] == peer.exchange(ec.ECDH(), public) and answer["KeyOrigin"] == "AWS_KMS"
        for wrong in (spki[:-1], spki[:-1] + bytes([spki[-1] ^ 1]), b"x"):
            refused("ValidationException", kms.derive_shared_secret, PublicKey=wrong, **arguments)
        refused("InvalidKeyUsageException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")


def rsa_keys(bits):
    hashes_of = [f"{kind}_SHA_{size}" for kind in ("RSASSA_PKCS1_V1_5", "RSASSA_PSS") for size in HASH]
    signing(f"RSA_{bits}", hashes_of)
    key = create(KeySpec=f"RSA_{bits}", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey) and public.key_size == bits
    for algorithm, hash in (("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())):
        arguments = dict(KeyId=key, EncryptionAlgorithm=algorithm)
        oaep = padding.OAEP(mgf=padding.MGF1(hash), algorithm=hash, label=None)
        blob = public.encrypt(b"from outside", oaep)
        assert kms.decrypt(CiphertextBlob=blob, **arguments)["Plaintext"] == b"from outside"
        blob = kms.encrypt(Plaintext=b"from inside", **arguments)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob, **arguments)["Plaintext"] == b"from inside"
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=bytes(len(blob)), **arguments)
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob[:-1], **arguments)
        refused("ValidationException", kms.encrypt, Plaintext=bytes(bits // 8 - 2 * hash.digest_size - 1), **arguments)
    refused("InvalidKeyUsageException", kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")


for size in os.environ.get("RSA", "").split():
    function = lambda size=size: rsa_keys(int(size))
    function.__name__ = f"rsa_{size}"
    case(function)


@case
def not_offered():
    refused("UnsupportedOperationException", kms.generate_mac, KeyId=symmetric()["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_256")
    refused("UnsupportedOperationException", kms.describe_custom_key_stores)
    refused("UnsupportedOperationException", kms.get_parameters_for_import, KeyId="x", WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")


@case
def strangers():
    own, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    wrong = boto3.client("kms", config=CONFIG, aws_access_key_id=own, aws_secret_access_key="wrong" * 8)
    refused("InvalidSignatureException", wrong.list_keys)
    nobody = boto3.client("kms", config=CONFIG, aws_access_key_id="AKIANOBODYNOBODYNOBO", aws_secret_access_key=secret)
    refused("UnrecognizedClientException", nobody.list_keys)
    temporary = boto3.client("kms", config=CONFIG, aws_access_key_id=own, aws_secret_access_key=secret, aws_session_token="x")
    refused("UnrecognizedClientException", temporary.list_keys)
    elsewhere = boto3.client("kms", config=CONFIG, region_name="eu-west-1")
    refused("InvalidSignatureException", elsewhere.list_keys)


def raw(body, target="TrentService.ListKeys", sign=True, path="/", **headers):
    """A request as no library would make it: status, error or answer, and all of the text."""
    url = os.environ["AWS_ENDPOINT_URL_KMS"]
    credentials = botocore.credentials.Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    headers = {"Content-Type": "application/x-amz-json-1.1", **({"X-Amz-Target": target} if target else {}), **headers}
    request = botocore.awsrequest.AWSRequest("POST", url + path, headers=headers, data=body)
    if sign:
        botocore.auth.SigV4Auth(credentials, "kms", os.environ["AWS_REGION"]).add_auth(request)
    connection = http.client.HTTPConnection(url.split("//")[1], timeout=60)
    connection.request("POST", path, body, dict(request.headers))
    answer = connection.getresponse()
    text = answer.read()
    assert answer.getheader("x-amzn-RequestId") and answer.getheader("content-type") == "application/x-amz-json-1.1"
    return answer.status, json.loads(text).get("__type") if text else None, text


@case
def raw_requests():
    assert raw(b"{}")[:2] == (200, None)
    for body in (b"{", b"[]", b"7", b'{"Limit":"x"}', b"\xff\xfe", b"[" * 100_000):
        assert raw(body)[:2] == (400, "SerializationException"), body
    plaintext = b'{"KeyId":"a","Plaintext":"not base64 and secret!"}'
    status, kind, text = raw(plaintext, "TrentService.Encrypt")
    assert (status, kind) == (400, "SerializationException") and b"secret" not in text
    assert raw(b'{"KeyId":null,"Plaintext":"eA=="}', "TrentService.Encrypt")[1] == "SerializationException"
    assert raw(b'{"KeyId":"a"}', "TrentService.Encrypt")[1] == "ValidationException"
    # Members that a newer client sends are left alone.
    assert raw(b'{"Limit":1,"FromTheFuture":{"a":[1]}}')[0] == 200
    for target in ("TrentService.Nothing", "OtherService.ListKeys", "ListKeys", None):
        assert raw(b"{}", target)[:2] == (400, "UnknownOperationException"), target
    assert raw(b"{}", sign=False)[:2] == (400, "MissingAuthenticationTokenException")
    assert raw(b"{}", path="/elsewhere")[1] == "UnknownOperationException"
    assert raw(b" " * (1 << 20) + b"{}")[:2] == (413, "RequestEntityTooLargeException")
    assert raw(b" " * ((1 << 20) - 2) + b"{}")[0] == 200


@case
def presigned_requests():
    url = kms.generate_presigned_url("list_keys", Params={}, HttpMethod="POST")
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListKeys"}

    def post(url, body=b""):  # boto3 signs an empty body
        host, path = url.split("//")[1].split("/", 1)
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("POST", "/" + path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    status, answer = post(url)
    assert status == 200 and "Keys" in answer, answer
    assert post(url, b'{"Limit":1}')[1]["__type"] == "InvalidSignatureException"
    assert post(url.replace("X-Amz-Expires=3600", "X-Amz-Expires=3601"))[1]["__type"] == "InvalidSignatureException"


def main():
    wanted = sys.argv[1:]
    failed = 0
    for function in CASES:
        if wanted and function.__name__ not in wanted:
            continue
        try:
            function()
            print(f"{function.__name__}: passed", flush=True)
        except Exception:
            failed += 1
            print(f"{function.__name__}: FAILED", flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)


main()
