// One connection to the live feed, for ever: it comes back with the token of the last message, so nothing is missed.

const QUIET_MS = 25000; // the server says something every 10 s
const WAITS_MS = [200, 400, 800, 1600, 3000, 5000];

export class Feed {
  constructor(sheet, token, hears) {
    Object.assign(this, { sheet, token, hears, tries: 0, closed: false });
    this.again = () => { if (this.socket?.readyState !== WebSocket.OPEN) this.connect(); };
    addEventListener("online", this.again);
    this.connect();
  }

  close() {
    this.closed = true;
    removeEventListener("online", this.again);
    clearTimeout(this.timer);
    clearTimeout(this.quiet);
    this.socket?.close();
  }

  connect() {
    if (this.closed) return;
    clearTimeout(this.timer);
    const address = new URL(`/api/spreadsheets/${this.sheet}/feed`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("token", this.token);
    const socket = (this.socket = new WebSocket(address));
    socket.onmessage = (event) => this.heard(socket, JSON.parse(event.data));
    socket.onclose = (event) => socket === this.socket && this.lost(event.code);
  }

  heard(socket, message) {
    if (socket !== this.socket) return;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => socket.close(), QUIET_MS);
    if (message.type === "resumed") this.tries = 0;
    else if (message.type === "changes") this.hears.changes(message.changes);
    else if (message.type === "waiting") this.hears.lost();
    else if (message.type === "reload") this.ended = this.hears.reload;
    else if (message.type === "refused" || message.type === "ended") this.ended = () => this.hears.ended(message.reason);
    if (message.token) this.token = message.token;
    if (message.type === "alive" || (message.type === "changes" && !message.more)) this.hears.live(); // nothing is missing
  }

  lost(code) {
    clearTimeout(this.quiet);
    if (this.closed) return;
    if (code === 4004 || code === 4010) {
      this.closed = true;
      (this.ended ?? (() => this.hears.ended("the feed has ended")))();
      return;
    }
    this.hears.lost();
    const wait = WAITS_MS[Math.min(this.tries++, WAITS_MS.length - 1)];
    this.timer = setTimeout(() => this.connect(), wait * (0.8 + 0.4 * Math.random()));
  }
}
