"""Two principals of one token, told apart by the nodes: arguments are the second one's access key, and where an agent
listens that knows both."""
import json, sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(retries={"max_attempts": 0}, read_timeout=120)
key_id, secret, endpoint = sys.argv[1:]
alice = boto3.client("kms", config=CONFIG, endpoint_url=endpoint)
bob = boto3.client("kms", config=CONFIG, endpoint_url=endpoint, aws_access_key_id=key_id, aws_secret_access_key=secret)


def refused(kind, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == kind, error
        return
    raise AssertionError(f"{kind} was expected")


def allow(who, action):
    return {"Effect": "Allow", "Principal": {"AWS": who}, "Action": action, "Resource": "*"}


def arn(client):
    sts = boto3.client("sts", config=CONFIG, endpoint_url=endpoint, **(
        {"aws_access_key_id": key_id, "aws_secret_access_key": secret} if client is bob else {}))
    return sts.get_caller_identity()["Arn"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


first, second = arn(alice), arn(bob)
assert first.endswith(":user/kms") and second.endswith(":user/bob")

# The second may encrypt and nothing else.
key = alice.create_key(Policy=policy(allow(first, "kms:*"), allow(second, "kms:Encrypt")))["KeyMetadata"]["KeyId"]
theirs = alice.encrypt(KeyId=key, Plaintext=b"alice's", EncryptionContext={"of": "alice"})["CiphertextBlob"]
own = bob.encrypt(KeyId=key, Plaintext=b"bob's")["CiphertextBlob"]
assert alice.decrypt(CiphertextBlob=own)["Plaintext"] == b"bob's"
refused("AccessDeniedException", bob.decrypt, CiphertextBlob=own)
refused("AccessDeniedException", bob.decrypt, CiphertextBlob=theirs, EncryptionContext={"of": "alice"})
refused("AccessDeniedException", bob.re_encrypt, CiphertextBlob=own, DestinationKeyId=key)
refused("AccessDeniedException", bob.generate_data_key, KeyId=key, KeySpec="AES_256")
refused("AccessDeniedException", bob.generate_data_key_without_plaintext, KeyId=key, KeySpec="AES_256")
for call, arguments in [
    (bob.describe_key, {}),
    (bob.disable_key, {}),
    (bob.put_key_policy, {"Policy": policy(allow(second, "kms:*"))}),
    (bob.create_grant, {"GranteePrincipal": second, "Operations": ["Decrypt"]}),
    (bob.schedule_key_deletion, {}),
    (bob.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    (bob.create_alias, {}),
    (bob.rotate_key_on_demand, {}),
]:
    named = {"AliasName": "alias/bobs", "TargetKeyId": key} if call == bob.create_alias else {"KeyId": key}
    refused("AccessDeniedException", call, **named, **arguments)

# A grant gives it for some contexts, until it is revoked.
grant = alice.create_grant(KeyId=key, GranteePrincipal=second, Operations=["Decrypt"],
                           Constraints={"EncryptionContextSubset": {"of": "alice"}})["GrantId"]
assert bob.decrypt(CiphertextBlob=theirs, EncryptionContext={"of": "alice"})["Plaintext"] == b"alice's"
refused("AccessDeniedException", bob.decrypt, CiphertextBlob=own)
alice.revoke_grant(KeyId=key, GrantId=grant)
refused("AccessDeniedException", bob.decrypt, CiphertextBlob=theirs, EncryptionContext={"of": "alice"})

# Neither reaches a key of the other.
for owner, other, who in ((alice, bob, first), (bob, alice, second)):
    only = policy(allow(who, "kms:*"))
    signing = owner.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Policy=only)["KeyMetadata"]["KeyId"]
    sealing = owner.create_key(Policy=only)["KeyMetadata"]["KeyId"]
    blob = owner.encrypt(KeyId=sealing, Plaintext=b"x")["CiphertextBlob"]
    owner.sign(KeyId=signing, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    refused("AccessDeniedException", other.sign, KeyId=signing, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    refused("AccessDeniedException", other.get_public_key, KeyId=signing)
    refused("AccessDeniedException", other.encrypt, KeyId=sealing, Plaintext=b"x")
    refused("AccessDeniedException", other.decrypt, CiphertextBlob=blob)
    refused("AccessDeniedException", other.describe_key, KeyId=sealing)
print("principals: passed")
