// What npm run test:vm boots. `tests` are files of test/vm that run in the machine; `program` is one that ends by
// having the power cut. The longest come first, as two run at a time.

/** Each: `name`, `steps` (on the same disks, one after the other), and options of a boot. */
export const boots = [{ name: 'five-tiers', steps: [{ tests: ['allocation'] }] }];
