/** Slots of one group; a node of a cluster serves many groups, nearly all of them alone. */
const SLOTS_PER_GROUP = 256;

/** CRC-16/XMODEM, by which a cluster hashes keys (Redis cluster specification). */
function crc16(text: string): number {
  let crc = 0;
  for (let index = 0; index < text.length; index += 1) {
    crc ^= text.charCodeAt(index) << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}

/**
 * The group of hash slots that a hash tag of ASCII characters falls into: what fails together when one
 * node of a cluster fails.
 */
export function slotGroup(tag: string): number {
  return Math.floor((crc16(tag) & 0x3fff) / SLOTS_PER_GROUP);
}
