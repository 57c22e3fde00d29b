// The gateway's API: JSON in, JSON out, and its problem documents as errors.

const AGAIN_MS = 500;

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The answer's document, or null where it has none. Without a session any more, the page asks for one. */
export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? { Accept: "application/json" } : { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "The gateway does not answer.");
  }
  if (answer.status === 401) location.reload();
  const document = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(answer.status, document?.detail ?? `The gateway answered ${answer.status}.`);
  return document;
}

/** Asked twice where the network broke in between: reading changes nothing. */
export async function get(path) {
  try {
    return await call("GET", path);
  } catch (error) {
    if (error.status !== 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    return call("GET", path);
  }
}
export const post = (path, body) => call("POST", path, body ?? {});

/** Pictures keep their URL while it is good, so that the browser need not fetch them again with each new document. */
const urls = new Map();
export function urlOf(artifact) {
  const known = urls.get(artifact.artifact_id);
  if (known && Date.parse(known.expires_at) - Date.now() > 300_000) return known.url;
  urls.set(artifact.artifact_id, artifact);
  return artifact.url;
}

/** The smallest picture among artifacts, and the smallest video. */
const smallest = (artifacts, type) =>
  artifacts.filter((one) => one.content_type.startsWith(type)).sort((a, b) => a.bytes - b.bytes)[0] ?? null;
export const pictureOf = (artifacts) => smallest(artifacts, "image/");
export const videoOf = (artifacts) => smallest(artifacts, "video/");
