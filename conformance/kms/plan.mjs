// Follows plan.json through the AWS SDK for JavaScript; node:crypto checks. The first argument is the folder whose
// node_modules has the SDK. Wants the variables that `counterfoil lab up --kms` prints.
import assert from "node:assert";
import crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const sdk = createRequire(path.join(path.resolve(process.argv[2]), "x.js"))("@aws-sdk/client-kms");
const kms = new sdk.KMSClient({ maxAttempts: 1 });
const plan = JSON.parse(readFileSync(new URL("plan.json", import.meta.url), "utf8"));
const done = new Set(["CreateKey"]);

/** Members of requests that are bytes. */
const BLOBS = new Set(["Plaintext", "CiphertextBlob", "Message", "Signature", "PublicKey"]);
const CURVES = { ECC_NIST_P256: "P-256", ECC_NIST_P384: "P-384" };

class Refused extends Error {}

const bytesOf = (text) => Buffer.from(text, "base64");
const textOf = (bytes) => Buffer.from(bytes).toString("base64");

/** An answer as AWS's protocol has it: bytes in base64. */
function plain(value) {
  if (value instanceof Uint8Array) return textOf(value);
  if (value instanceof Date || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

/** Symmetric keys to take where the plan makes one, while too few nodes are up to make any. */
const spare = process.env.SPARE?.split(" ");

async function ask(operation, members) {
  const input = Object.entries(members).map(([name, value]) => [name, BLOBS.has(name) ? bytesOf(value) : value]);
  try {
    return plain(await kms.send(new sdk[`${operation}Command`](Object.fromEntries(input))));
  } catch (error) {
    throw error instanceof sdk.KMSServiceException ? new Refused(error.name) : error;
  }
}

/** What is at a place; undefined if nothing is. */
function at(answer, place) {
  if (place === "") return answer;
  const [name, ...more] = place.split(".");
  const rest = more.join(".");
  if (name === "*") return answer.map((member) => at(member, rest));
  return answer?.[name] === undefined ? undefined : at(answer[name], rest);
}

class Follower {
  constructor(variables) {
    this.variables = { ...variables, run: crypto.randomBytes(8).toString("hex") };
  }

  /** What something written in the plan means here. */
  value(written) {
    if (typeof written === "string") {
      const whole = written.match(/^\$\{(\w+)\}$/);
      if (whole) return this.variables[whole[1]];
      return written.replace(/\$\{(\w+)\}/g, (_, name) => this.variables[name]);
    }
    if (Array.isArray(written)) return written.map((member) => this.value(member));
    if (typeof written !== "object" || written === null) return written;
    if ("text" in written) return textOf(Buffer.from(written.text));
    if ("zeros" in written) return textOf(Buffer.alloc(written.zeros));
    if ("flip" in written) {
      const damaged = bytesOf(this.value(written.flip));
      damaged[written.at] ^= 1;
      return textOf(damaged);
    }
    if ("digest" in written) {
      return crypto.createHash(this.value(written.by)).update(bytesOf(this.value(written.digest))).digest("base64");
    }
    if ("json" in written) return JSON.stringify(this.value(written.json));
    const { "...": added = {}, ...members } = Object.fromEntries(
      Object.entries(written).map(([name, member]) => [name, this.value(member)]),
    );
    return { ...added, ...members };
  }

  async step(step) {
    if (step.refused) {
      await assert.rejects(ask(step.do, this.value(step.with)), (error) => {
        assert(error instanceof Refused, error);
        assert.equal(error.message, step.refused);
        return true;
      });
      return;
    }
    const answer = await this.answer(step);
    const each = (name) => Object.entries(step[name] ?? {});
    for (const [name, place] of each("keep")) {
      assert.notEqual(at(answer, place), undefined, place);
      this.variables[name] = at(answer, place);
    }
    for (const [place, wanted] of each("is")) assert.deepEqual(at(answer, place), this.value(wanted), place);
    for (const [place, wanted] of each("has")) assert(at(answer, place).includes(this.value(wanted)), place);
    for (const [place, unwanted] of each("lacks")) assert(!at(answer, place).includes(this.value(unwanted)), place);
    for (const place of step.none ?? []) assert.equal(at(answer, place), undefined, place);
    for (const [place, size] of each("bytes")) assert.equal(bytesOf(at(answer, place)).length, this.value(size), place);
  }

  async answer(step) {
    const own = (name) => this.value(step[name]);
    const publicKey = () => crypto.createPublicKey({ key: bytesOf(own("public")), format: "der", type: "spki" });
    if (step.do) {
      const taken = step.do === "CreateKey" && spare;
      const answer = await (taken ? ask("DescribeKey", { KeyId: spare.pop() }) : ask(step.do, this.value(step.with)));
      done.add(step.do);
      return answer;
    }
    if (step.key) return key(own("key"), own("usage"));
    if (step.peer) {
      const made = crypto.generateKeyPairSync("ec", { namedCurve: CURVES[own("peer")] });
      this.peer = made.privateKey;
      return { public: textOf(made.publicKey.export({ format: "der", type: "spki" })) };
    }
    if (step.pair) {
      const found = crypto.createPublicKey(crypto.createPrivateKey({ key: bytesOf(own("pair")), format: "der", type: "pkcs8" }));
      assert.equal(textOf(found.export({ format: "der", type: "spki" })), own("public"));
    } else if (step.agree) {
      assert.equal(textOf(crypto.diffieHellman({ privateKey: this.peer, publicKey: publicKey() })), own("agree"));
    } else if (step.verify) {
      assert(verified(publicKey(), own("verify"), bytesOf(own("message")), bytesOf(own("signature"))), "the signature is wrong");
    } else if (step.oaep) {
      const oaepHash = own("oaep").endsWith("_256") ? "sha256" : "sha1";
      const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
      return { ciphertext: textOf(crypto.publicEncrypt({ key: publicKey(), padding, oaepHash }, bytesOf(own("plaintext")))) };
    }
    return {};
  }
}

function verified(key, algorithm, message, signature) {
  const hash = algorithm.startsWith("ED25519") ? null : `sha${algorithm.slice(-3)}`;
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = crypto.constants;
  return crypto.verify(hash, message, algorithm.includes("PSS") ? { key, padding, saltLength } : key, signature);
}

/** One key of each kind for all followers of a lab. */
async function key(spec, usage) {
  const alias = `alias/plan/${spec}/${usage}`;
  try {
    return await ask("DescribeKey", { KeyId: alias });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const made = await ask("CreateKey", { KeySpec: spec, KeyUsage: usage });
    await ask("CreateAlias", { AliasName: alias, TargetKeyId: made.KeyMetadata.KeyId });
    return made;
  }
}

const sizes = (process.env.RSA ?? "").split(" ");
for (const { case: name, for: sets = [{}], steps, "all nodes": all } of plan.cases) {
  if (all && spare) continue;
  for (const variables of sets) {
    const makes = steps.some((step) => step.key) && variables.spec?.startsWith("RSA_");
    if (makes && !sizes.includes(variables.spec.slice(4))) continue;
    const follower = new Follower(variables);
    for (const step of steps) {
      try {
        await follower.step(step);
      } catch (error) {
        console.error(`${name} ${JSON.stringify(variables)}: ${JSON.stringify(step)}`);
        throw error;
      }
    }
  }
  console.log(`JavaScript: ${name}: passed`);
}
if (!spare) assert.deepEqual([...done].sort(), [...plan.operations].sort());
