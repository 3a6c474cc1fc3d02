// Minor units as people write them; the same forms as the server's (entrypoints/amounts.py).

/**
 * @param {string} currency ISO 4217 code
 * @param {number} decimals as the server counts: browsers disagree about forints and rupiahs, and were out by a hundredfold
 */
export function moneyIn(currency, decimals) {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency, ...digits });
  const minor = 10 ** decimals;
  return (amount) => (amount === 0 ? "Free" : format.format(amount / minor));
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
