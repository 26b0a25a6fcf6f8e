// Where graphs and evidence come from: the server, or the file itself when the page was exported as one.

/** An answer that is no success: its sentence, and the whole of it. */
export class Failure extends Error {
  constructor(status, answer) {
    super(answer?.error ?? `The server answered with ${status}.`);
    this.status = status;
    this.answer = answer;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, headers?: Record<string, string>, keepalive?: boolean}} options
 */
async function call(method, path, options = {}) {
  const {body, headers, keepalive = false} = options;
  let response;
  try {
    response = await fetch(path, {
      method,
      keepalive,
      headers: {...(body === undefined ? {} : {'Content-Type': 'application/json'}), ...headers},
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    });
  } catch {
    throw new Failure(0, {error: 'The server does not answer: is it still running?'});
  }
  if (!response.ok) throw new Failure(response.status, await response.json().catch(() => null));
  return response;
}

export class ServerSource {
  live = true;
  #features = new Map();

  async list() {
    return (await (await call('GET', 'api/graphs')).json()).graphs;
  }

  async models() {
    return (await (await call('GET', 'api/models')).json()).models;
  }

  /** A graph's JSON and its version. */
  async graph(name) {
    const response = await call('GET', `api/graphs/${encodeURIComponent(name)}`);
    return {json: await response.json(), version: response.headers.get('ETag')};
  }

  async labels(name) {
    return (await call('GET', `api/graphs/${encodeURIComponent(name)}/labels`)).json();
  }

  /** The new version; a Failure of status 412 carries what somebody else saved. keepalive: also when the page is being left */
  async save(name, version, annotations, keepalive = false) {
    const response = await call('PUT', `api/graphs/${encodeURIComponent(name)}/annotations`, {
      body: annotations,
      headers: {'If-Match': version},
      keepalive,
    });
    return response.headers.get('ETag');
  }

  async remove(name) {
    await call('DELETE', `api/graphs/${encodeURIComponent(name)}`, {headers: {'If-Match': '*'}});
  }

  async upload(name, file) {
    await call('POST', `api/graphs?name=${encodeURIComponent(name)}`, {body: file});
  }

  async compare(left, right) {
    return (
      await call('GET', `api/compare?left=${encodeURIComponent(left)}&right=${encodeURIComponent(right)}`)
    ).json();
  }

  /** A feature's record, or null where there is no evidence. */
  feature(scan, layer, feature) {
    const key = `${layer}/${feature}?scan=${encodeURIComponent(scan)}`;
    if (!this.#features.has(key)) {
      const answer = call('GET', 'api/features/' + key)
        .then(response => (response.status === 204 ? null : response.json()))
        .catch(failure => {
          this.#features.delete(key);
          throw failure;
        });
      this.#features.set(key, answer);
      if (this.#features.size > 500) this.#features.delete(this.#features.keys().next().value);
    }
    return this.#features.get(key);
  }

  /** A feature's global weights, or null where none were gathered. */
  async connections(scan, layer, feature) {
    if (feature < 0) return null;
    const response = await call('GET', `api/features/${layer}/${feature}/connections?scan=${encodeURIComponent(scan)}`);
    return response.status === 204 ? null : response.json();
  }

  /**
   * Runs a job and resolves with its result; null if it was cancelled.
   *
   * @param {string} kind                    tokens, attribute, intervene, attention, explain, judge, card or why-not
   * @param {(status: any) => void} onStatus called with each status
   * @param {AbortSignal} signal             cancels the job
   */
  async job(kind, request, onStatus = () => {}, signal = undefined) {
    const {id} = await (await call('POST', `api/jobs/${kind}`, {body: request})).json();
    const cancel = () => call('DELETE', `api/jobs/${id}`).catch(() => {});
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, {once: true});
    return new Promise((resolve, reject) => {
      const events = new EventSource(`api/jobs/${id}/events`);
      events.onmessage = event => {
        const status = JSON.parse(event.data);
        onStatus(status);
        if (!['DONE', 'FAILED', 'CANCELLED'].includes(status.state)) return;
        events.close();
        if (status.state === 'FAILED') reject(new Failure(500, status));
        else resolve(status.state === 'DONE' ? status.result : null);
      };
      events.onerror = () => {
        if (events.readyState !== EventSource.CLOSED) return;
        reject(new Failure(0, {error: 'The connection to the server was lost; the job may still run.'}));
      };
    });
  }
}

/** What an exported page carries: one graph, its labels, and evidence about some of its features. */
export class EmbeddedSource {
  live = false;

  constructor(data) {
    this.data = data;
  }

  async list() {
    return [];
  }

  async models() {
    return [];
  }

  /** The name of its one graph. */
  get only() {
    return this.data.graph.metadata.slug;
  }

  async graph() {
    return {json: this.data.graph, version: null};
  }

  async labels() {
    return this.data.labels ?? {};
  }

  async compare(left, right) {
    throw new Failure(0, {error: 'This page was exported: there is no other graph to compare with.'});
  }

  async job(kind, request, onStatus, signal) {
    throw new Failure(0, {error: 'This page was exported: nothing new can be computed without a live model.'});
  }

  async connections() {
    return null;
  }

  async feature(scan, layer, feature) {
    return this.data.features?.[`${layer}/${feature}`] ?? null;
  }
}
