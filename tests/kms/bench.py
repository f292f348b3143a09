"""What programs see of a KMS agent, beside moto's server (keys whole in its memory) on the same machine: for
`make bench`, which gives it a lab's variables. Arguments: the address of moto's server, the seconds of the load, and the
process ids of the agent and of the nodes. Prints rows of the report as JSON."""
import base64, datetime, hashlib, hmac, http.client, json, multiprocessing, os, sys, time

import boto3
from botocore.config import Config

REGION = os.environ["AWS_REGION"]
KEY_ID, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
HOST = os.environ["AWS_ENDPOINT_URL_KMS"].removeprefix("http://")
CONFIG = Config(retries={"max_attempts": 0}, read_timeout=60)
CALLS, WARM = 300, 30
# As warm C_Sign is measured (tests/src/application.rs): so many in a row, and time for the pool of presignatures to fill.
BURST, PAUSE_S = 16, 0.15
CLIENTS = 8
KIB = bytes(1024)


def p50_us(*calls, burst=None):
    """Of calls that take turns, so that what else the machine does is everybody's; with a pause after each `burst`."""
    times = [[] for _ in calls]
    for turn in range(WARM + CALLS):
        for call, of_call in zip(calls, times):
            begin = time.perf_counter()
            call()
            if turn >= WARM:
                of_call.append(time.perf_counter() - begin)
        if burst and turn % burst == burst - 1:
            time.sleep(PAUSE_S)
    return [sorted(of_call)[len(of_call) // 2] * 1e6 for of_call in times]


class Light:
    """A client that costs little itself: SigV4 by hmac, one connection."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(HOST, timeout=60)

    def ask(self, operation, **members):
        body = json.dumps(members).encode()
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        target, scope = f"TrentService.{operation}", f"{date[:8]}/{REGION}/kms/aws4_request"
        names = "content-type;host;x-amz-date;x-amz-target"
        kind = "application/x-amz-json-1.1"
        canonical = (f"POST\n/\n\ncontent-type:{kind}\nhost:{HOST}\nx-amz-date:{date}\nx-amz-target:{target}\n\n{names}\n"
                     + hashlib.sha256(body).hexdigest())
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n" + hashlib.sha256(canonical.encode()).hexdigest()
        key = b"AWS4" + SECRET.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers = {"Content-Type": kind, "X-Amz-Date": date, "X-Amz-Target": target, "Authorization":
                   f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"}
        self.connection.request("POST", "/", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


def cpu_s(processes):
    """User and system time that processes have used."""
    def ticks(process):
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return sum(map(ticks, processes)) / os.sysconf("SC_CLK_TCK")


def load(key, begin, seconds, calls):
    """One client's share of the load: encrypts and decrypts in turn."""
    client, made = Light(), 0
    while time.time() < begin:
        time.sleep(0.001)
    while time.time() < begin + seconds:
        plaintext = base64.b64encode(os.urandom(32)).decode()
        blob = client.ask("Encrypt", KeyId=key, Plaintext=plaintext)["CiphertextBlob"]
        assert client.ask("Decrypt", CiphertextBlob=blob)["Plaintext"] == plaintext
        made += 2
    calls.put(made)


def main():
    moto_url, seconds, processes = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    ours = boto3.client("kms", config=CONFIG)
    moto = boto3.client("kms", config=CONFIG, endpoint_url=moto_url)
    rows = {}

    keys = [client.create_key()["KeyMetadata"]["KeyId"] for client in (ours, moto)]
    rows["kms.agent.generate_data_key.p50_us"], rows["kms.moto.generate_data_key.p50_us"] = p50_us(
        *(lambda client=client, key=key: client.generate_data_key(KeyId=key, KeySpec="AES_256") for client, key in zip((ours, moto), keys)))
    pairs = [client.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"] for client in (ours, moto)]
    rows["kms.agent.sign.p256.p50_us"], rows["kms.moto.sign.p256.p50_us"] = p50_us(
        *(lambda client=client, key=key: client.sign(KeyId=key, Message=b"x" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
          for client, key in zip((ours, moto), pairs)), burst=BURST)
    # What boto3 itself takes is in both; without it:
    light = Light()
    digest = base64.b64encode(bytes(32)).decode()
    rows["kms.agent.sign.p256.light.p50_us"], = p50_us(
        lambda: light.ask("Sign", KeyId=pairs[0], Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"),
        burst=BURST)

    plaintext = base64.b64encode(KIB).decode()
    for _ in range(WARM):
        light.ask("Encrypt", KeyId=keys[0], Plaintext=plaintext)
    before, count, end = cpu_s(processes), 0, time.time() + seconds
    while time.time() < end:
        light.ask("Encrypt", KeyId=keys[0], Plaintext=plaintext)
        count += 1
    rows["kms.encrypt_1kib.cpu_us"] = (cpu_s(processes) - before) * 1e6 / count

    calls = multiprocessing.Queue()
    begin = time.time() + 1
    clients = [multiprocessing.Process(target=load, args=(keys[0], begin, seconds, calls)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    made = [calls.get(timeout=seconds + 60) for _ in clients]
    for client in clients:
        client.join()
        assert client.exitcode == 0
    rows["kms.sustained.8clients.calls_per_s"] = sum(made) / seconds
    print(json.dumps(rows))


main()
