// The dashboard of a node: reads the admin API (docs/admin-api.yaml) every two seconds and shows it.
// All text comes into the page by textContent, as peers choose some of it.

const kPeriodMs = 2000;
const kChartPoints = 90;
const kTokenKey = 'l2p.token';

const $ = (id) => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}

// The end of an id tells more than its beginning, which is the same for all.
const short = (id) => (id.length > 20 ? `${id.slice(0, 6)}…${id.slice(-8)}` : id);

// --- the node ---

class Unauthorized extends Error {}

let token = '';

const authorization = () => ({ Authorization: `Bearer ${token}` });

async function failureOf(response) {
  if (response.status === 401) return new Unauthorized('the node does not know this token');
  try {
    return new Error((await response.json()).error.message);
  } catch {
    return new Error(`the node answered ${response.status}`);
  }
}

async function call(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { ...authorization(), ...options.headers } });
  if (!response.ok) throw await failureOf(response);
  return response;
}

const json = async (path, options) => (await call(path, options)).json();

// Values of /metrics by name, summed over labels.
async function metrics() {
  const sums = new Map();
  for (const line of (await (await call('/metrics')).text()).split('\n')) {
    const found = /^([a-zA-Z0-9_:]+)(?:\{.*\})? (-?[0-9.e+]+)$/.exec(line);
    if (found) sums.set(found[1], (sums.get(found[1]) ?? 0) + Number(found[2]));
  }
  return sums;
}

// --- status and traffic ---

function showStatus(status) {
  $('identity').textContent = status.id;
  $('state').textContent = status.joined ? '● serving' : '● alone';
  $('state').className = status.joined ? 'good' : 'bad';
  const facts = [
    ['Version', status.version],
    ['Up', status.uptime],
    ['Peers', `${status.connected_peers} connected, ${status.known_peers} known`],
    ['Storage', `${bytes(status.disk_bytes)} of ${bytes(status.quota_bytes)}, ${status.blocks} blocks`],
    ['Held', `${status.held_groups} groups`],
    ['In flight', `${bytes(status.memory_used)} of ${bytes(status.memory_limit)}`],
  ];
  $('status').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
  $('advice').replaceChildren(...status.advice.map((line) => element('li', line)));
}

let chart = null;
let last = null;

function makeChart() {
  if (chart || typeof Chart === 'undefined') return;
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const line = (label, stroke) => ({
    label, data: [], borderColor: stroke, backgroundColor: stroke, borderWidth: 2, pointRadius: 0, tension: 0.25,
  });
  chart = new Chart($('traffic'), {
    type: 'line',
    data: { labels: [], datasets: [line('received', color('--accent')), line('sent', color('--good'))] },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      plugins: { legend: { labels: { color: color('--text') } } },
      scales: {
        x: { display: false },
        y: {
          beginAtZero: true,
          suggestedMax: 1024,
          ticks: { color: color('--quiet'), maxTicksLimit: 5, callback: (value) => `${bytes(value)}/s` },
          grid: { color: color('--line') },
        },
      },
    },
  });
}

function showTraffic(values) {
  const now = {
    at: performance.now(),
    received: values.get('l2p_received_bytes_total') ?? 0,
    sent: values.get('l2p_sent_bytes_total') ?? 0,
  };
  if (last) {
    const seconds = (now.at - last.at) / 1000;
    const rates = [(now.received - last.received) / seconds, (now.sent - last.sent) / seconds];
    $('traffic-now').textContent = `${bytes(rates[0])}/s in, ${bytes(rates[1])}/s out`;
    makeChart();
    if (chart) {
      chart.data.labels.push(new Date().toLocaleTimeString());
      chart.data.datasets.forEach((set, i) => set.data.push(rates[i]));
      if (chart.data.labels.length > kChartPoints) {
        chart.data.labels.shift();
        chart.data.datasets.forEach((set) => set.data.shift());
      }
      chart.update();
    }
  }
  last = now;
}

// --- files ---

function addTransfer(title) {
  const item = element('li');
  const text = element('span', title);
  const bar = element('progress');
  bar.max = 1;
  item.append(text, bar);
  $('transfers').prepend(item);
  return {
    show(done, total, detail) {
      text.textContent = `${title}: ${detail}`;
      if (total > 0) bar.value = Math.min(1, done / total);
    },
    end(message, good) {
      bar.remove();
      text.textContent = `${title}: ${message}`;
      item.className = good ? 'good' : 'bad';
    },
  };
}

// Puts one file. The node's lines come while it works; XMLHttpRequest shows them and what was sent.
function upload(file) {
  const transfer = addTransfer(file.name);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let seen = 0;
    let outcome = null;
    const readLines = () => {
      for (;;) {
        const end = request.responseText.indexOf('\n', seen);
        if (end < 0) return;
        const line = JSON.parse(request.responseText.slice(seen, end));
        seen = end + 1;
        if (line.event === 'progress') {
          transfer.show(line.acknowledged_bytes, line.wanted_bytes,
            `${bytes(line.acknowledged_bytes)} of ${bytes(line.wanted_bytes)} acknowledged by ${line.peers} peers`);
        } else {
          outcome = line;
        }
      }
    };
    request.upload.onprogress = (event) =>
      transfer.show(event.loaded, event.total, `${bytes(event.loaded)} of ${bytes(event.total)} sent to the node`);
    request.onprogress = readLines;
    request.onloadend = () => {
      readLines();
      if (outcome?.event === 'done') {
        const safe = outcome.shortfall ? `; ${outcome.shortfall}` : '';
        transfer.end(`${outcome.id}${safe}`, !outcome.shortfall);
      } else {
        transfer.end(outcome?.error?.message ?? 'the upload was cut off', false);
      }
      resolve();
    };
    request.open('POST', `/api/v1/files?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('Authorization', authorization().Authorization);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.send(file);
  });
}

async function uploadAll(files) {
  for (const file of files) await upload(file);
  await refresh();
}

async function download(id, name) {
  const transfer = addTransfer(name);
  try {
    const response = await call(`/api/v1/files/${encodeURIComponent(id)}`);
    const total = Number(response.headers.get('Content-Length') ?? 0);
    const parts = [];
    let done = 0;
    for (const reader = response.body.getReader(); ;) {
      const { done: ended, value } = await reader.read();
      if (ended) break;
      parts.push(value);
      done += value.length;
      transfer.show(done, total, `${bytes(done)}${total ? ` of ${bytes(total)}` : ''}`);
    }
    if (total && done < total) throw new Error('the rest cannot be had now');
    const isFolder = response.headers.get('Content-Type') === 'application/x-tar';
    const link = element('a');
    link.href = URL.createObjectURL(new Blob(parts));
    link.download = isFolder ? `${name}.tar` : name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    transfer.end(`${bytes(done)} verified`, true);
  } catch (error) {
    transfer.end(error.message, false);
  }
}

async function showHealth(id) {
  const place = $('health');
  try {
    const health = await json(`/api/v1/health/${encodeURIComponent(id)}`);
    const rows = (health.groups ?? []).map((group) => element('li',
      Object.entries(group).filter(([, value]) => typeof value !== 'object')
        .map(([name, value]) => `${name} ${value}`).join(', ')));
    const list = element('ul');
    list.append(...rows);
    place.replaceChildren(element('h3', `Health of ${short(id)}: ${health.state ?? ''}`), list);
  } catch (error) {
    place.replaceChildren(element('p', error.message, 'bad'));
  }
}

function button(text, label, action) {
  const made = element('button', text);
  made.type = 'button';
  made.setAttribute('aria-label', label);
  made.addEventListener('click', action);
  return made;
}

function fileRow(file) {
  const row = element('tr');
  const id = element('td', short(file.id), 'mono');
  id.title = file.id;
  const actions = element('td', undefined, 'actions');
  actions.append(
    button('Download', `Download ${file.name}`, () => download(file.id, file.name || file.id)), ' ',
    button('Copy id', `Copy the id of ${file.name}`, () => navigator.clipboard.writeText(file.id)), ' ',
    button('Health', `Health of ${file.name}`, () => showHealth(file.id)));
  row.append(element('td', file.name), element('td', bytes(file.size)), element('td', file.redundancy),
    element('td', new Date(file.added).toLocaleString()), id, actions);
  return row;
}

// Rebuilds a table only when it has changed, so that focus and selection stay where they are.
const shown = new Map();
function showRows(table, items, toRow) {
  const text = JSON.stringify(items);
  if (shown.get(table) === text) return;
  shown.set(table, text);
  $(table).tBodies[0].replaceChildren(...items.map(toRow));
  const none = $(`no-${table}`);
  if (none) none.hidden = items.length > 0;
}

// --- peers and plugins ---

function peerRow(peer) {
  const row = element('tr');
  const id = element('td', short(peer.id), 'mono');
  id.title = peer.id;
  row.append(id, element('td', peer.address, 'mono'), element('td', peer.direction),
    element('td', peer.rtt_ms === undefined ? '' : `${peer.rtt_ms.toFixed(1)} ms`),
    element('td', peer.score === undefined ? '' : String(peer.score)), element('td', peer.agent));
  return row;
}

function pluginRow(plugin) {
  const row = element('tr');
  const settings = Object.entries(plugin.settings ?? {}).map(([name, value]) => `${name}=${value}`).join('  ');
  row.append(element('td', plugin.kind), element('td', plugin.name), element('td', plugin.version),
    element('td', plugin.state, plugin.bad ? 'bad' : ''), element('td', settings, 'mono'));
  return row;
}

let plugins = { active: [], available: [] };

function showSwapChoices() {
  const kind = $('swap-kind').value;
  const names = [...plugins.active, ...plugins.available].filter((plugin) => plugin.kind === kind && !plugin.refused)
    .map((plugin) => plugin.name).sort();
  const chosen = $('swap-name').value;
  const options = names.map((name) => element('option', name));
  if (options.map((option) => option.value).join() === [...$('swap-name').options].map((option) => option.value).join()) return;
  $('swap-name').replaceChildren(...options);
  if (names.includes(chosen)) $('swap-name').value = chosen;
}

function showPlugins(answer) {
  plugins = answer;
  const active = answer.active.map((plugin) => ({ ...plugin, state: plugin.role }));
  const available = answer.available.map((plugin) => ({
    ...plugin, state: plugin.refused ? `refused: ${plugin.refused}` : 'available', bad: Boolean(plugin.refused),
  }));
  showRows('plugins', [...active, ...available], pluginRow);
  showSwapChoices();
}

async function swap(event) {
  event.preventDefault();
  const settings = {};
  for (const word of $('swap-settings').value.split(/\s+/).filter(Boolean)) {
    const [name, ...value] = word.split('=');
    settings[name] = value.join('=');
  }
  try {
    const slot = await json(`/api/v1/slots/${$('swap-kind').value}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ plugin: $('swap-name').value, settings }),
    });
    $('swap-result').textContent = `${slot.kind} is ${slot.plugin} now`;
    $('swap-result').className = 'good';
    await refresh();
  } catch (error) {
    $('swap-result').textContent = error.message;
    $('swap-result').className = 'bad';
  }
}

// --- the page ---

let timer = 0;

async function refresh() {
  const [status, files, peers, found, values] = await Promise.all([
    json('/api/v1/status'), json('/api/v1/files'), json('/api/v1/peers'), json('/api/v1/plugins'), metrics()]);
  showStatus(status);
  showTraffic(values);
  showRows('files', files.files, fileRow);
  showRows('peers', peers.peers, peerRow);
  showPlugins(found);
}

async function tick() {
  try {
    await refresh();
  } catch (error) {
    if (error instanceof Unauthorized) return logIn(error.message);
    $('state').textContent = '● the node does not answer';
    $('state').className = 'bad';
  }
  timer = setTimeout(tick, kPeriodMs);
}

function logIn(message) {
  sessionStorage.removeItem(kTokenKey);
  $('board').hidden = true;
  $('login').hidden = false;
  $('token').value = '';
  $('login-error').textContent = message;
  $('token').focus();
}

function open(given) {
  token = given;
  sessionStorage.setItem(kTokenKey, token);
  $('login').hidden = true;
  $('board').hidden = false;
  clearTimeout(timer);
  tick();
}

function begin() {
  $('login-form').addEventListener('submit', (event) => {
    event.preventDefault();
    open($('token').value.trim());
  });
  $('get-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const id = $('get-id').value.trim();
    download(id, id);
  });
  $('swap-form').addEventListener('submit', swap);
  $('swap-kind').addEventListener('change', showSwapChoices);
  $('picker').addEventListener('change', () => uploadAll([...$('picker').files]));
  const drop = $('drop');
  for (const name of ['dragover', 'dragleave', 'drop']) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle('over', name === 'dragover');
      if (name === 'drop') uploadAll([...event.dataTransfer.files]);
    });
  }
  // The chart has the colours of the scheme that it was made in.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    chart?.destroy();
    chart = null;
  });
  // The token of `l2p dashboard` comes behind '#', which no server sees, and does not stay there.
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) history.replaceState(null, '', location.pathname);
  const known = given ?? sessionStorage.getItem(kTokenKey);
  if (known) open(known);
  else logIn('');
}

begin();
