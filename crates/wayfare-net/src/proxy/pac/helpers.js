// The functions that proxy auto-configuration scripts may call, over what the host lends:
// host.resolve, host.own, host.inside, host.sorted, host.now.
"use strict";
(function (global, host) {
  const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
  const { resolve, own, inside, sorted, now } = host;

  const octets = (text) => {
    const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(String(text));
    if (!parts) return null;
    const bytes = [+parts[1], +parts[2], +parts[3], +parts[4]];
    return bytes.every((byte) => byte < 256) ? bytes : null;
  };
  const number = (bytes) => (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];

  // Takes "GMT" off the end; gives the rest and the moment's parts by that clock.
  const clock = (given) => {
    const rest = Array.from(given);
    const gmt = rest.length > 0 && rest[rest.length - 1] === "GMT";
    if (gmt) rest.pop();
    const date = new Date(now());
    const parts = gmt
      ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCDay(),
         date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
      : [date.getFullYear(), date.getMonth(), date.getDate(), date.getDay(),
         date.getHours(), date.getMinutes(), date.getSeconds()];
    const [year, month, day, weekday, hour, minute, second] = parts;
    return { rest, year, month, day, weekday, hour, minute, second };
  };
  // A range whose end is before its start goes round.
  const within = (from, value, to) =>
    from <= to ? from <= value && value <= to : value >= from || value <= to;

  const functions = {
    isPlainHostName: (name) => !/[.:]/.test(String(name)),
    dnsDomainIs: (name, domain) => String(name).toLowerCase().endsWith(String(domain).toLowerCase()),
    localHostOrDomainIs: (name, full) => {
      const [short, long] = [String(name).toLowerCase(), String(full).toLowerCase()];
      return short === long || (!short.includes(".") && long.startsWith(short + "."));
    },
    isResolvable: (name) => functions.dnsResolve(name) !== null,
    isResolvableEx: (name) => functions.dnsResolveEx(name) !== "",
    dnsResolve: (name) => {
      const found = resolve(String(name)).find((address) => !address.includes(":"));
      return found === undefined ? null : found;
    },
    dnsResolveEx: (name) => resolve(String(name)).join(";"),
    isInNet: (name, pattern, mask) => {
      const [network, bits] = [octets(pattern), octets(mask)];
      const address = octets(name) || octets(functions.dnsResolve(name));
      if (!network || !bits || !address) return false;
      return (number(address) & number(bits)) === (number(network) & number(bits));
    },
    isInNetEx: (name, prefix) => {
      const text = String(name);
      if (inside(text, String(prefix)) === 1) return true;
      if (octets(text) || text.includes(":")) return false;
      return resolve(text).some((address) => inside(address, String(prefix)) === 1);
    },
    convert_addr: (address) => {
      const bytes = octets(address);
      return bytes ? number(bytes) : 0;
    },
    myIpAddress: () => own().find((address) => !address.includes(":")) || "127.0.0.1",
    myIpAddressEx: () => own().join(";"),
    sortIpAddressList: (list) => {
      const text = sorted(String(list));
      return text === "" ? false : text;
    },
    getClientVersion: () => "1.0",
    dnsDomainLevels: (name) => String(name).split(".").length - 1,
    shExpMatch: (text, pattern) => {
      const [seen, wanted] = [String(text), String(pattern)];
      let at = 0, place = 0, star = -1, from = 0;
      while (at < seen.length) {
        if (wanted[place] === "*") {
          star = place++;
          from = at;
        } else if (wanted[place] === "?" || wanted[place] === seen[at]) {
          place++;
          at++;
        } else if (star >= 0) {
          place = star + 1;
          at = ++from;
        } else {
          return false;
        }
      }
      while (wanted[place] === "*") place++;
      return place === wanted.length;
    },
    weekdayRange: function () {
      const { rest, weekday } = clock(arguments);
      const days = rest.map((name) => DAYS.indexOf(String(name).toUpperCase()));
      if (days.length < 1 || days.length > 2 || days.includes(-1)) return false;
      return within(days[0], weekday, days[days.length - 1]);
    },
    dateRange: function () {
      const moment = clock(arguments);
      const kind = (part) =>
        typeof part === "string" && MONTHS.includes(part.toUpperCase()) ? "month"
          : +part >= 1 && +part <= 31 ? "day" : +part > 31 ? "year" : "none";
      const { rest } = moment;
      const kinds = rest.map(kind);
      const half = rest.length === 1 ? 1 : rest.length / 2;
      if (![1, 2, 4, 6].includes(rest.length) || kinds.includes("none")) return false;
      const first = kinds.slice(0, half);
      if (rest.length > 1 && first.some((one, index) => one !== kinds[half + index])) return false;
      // The largest part weighs most: years, then months, then days.
      const weigh = (of) =>
        first.reduce((sum, one, index) => sum + of(one, index) * { year: 1e4, month: 1e2, day: 1 }[one], 0);
      const value = (index) => (one, place) => {
        const part = rest[index + place];
        return one === "month" ? MONTHS.indexOf(part.toUpperCase()) : +part;
      };
      const [from, to] = [weigh(value(0)), weigh(value(rest.length === 1 ? 0 : half))];
      const current = weigh((one) => moment[one]);
      // A year does not come again.
      if (first.includes("year")) return from <= current && current <= to;
      return within(from, current, to);
    },
    timeRange: function () {
      const { rest, hour, minute, second } = clock(arguments);
      const parts = rest.map(Number);
      if (parts.some(Number.isNaN)) return false;
      const weigh = (h, m, s) => h * 3600 + m * 60 + s;
      switch (parts.length) {
        case 1:
          return hour === parts[0];
        case 2:
          return within(parts[0], hour, parts[1]);
        case 4:
          return within(weigh(parts[0], parts[1], 0), weigh(hour, minute, 0), weigh(parts[2], parts[3], 0));
        case 6:
          return within(weigh(...parts.slice(0, 3)), weigh(hour, minute, second), weigh(...parts.slice(3)));
        default:
          return false;
      }
    },
    alert: () => undefined,
  };
  Object.assign(global, functions);
})
