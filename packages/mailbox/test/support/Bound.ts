/**
 * How many takes there are at most until an element is taken that comes into lane `lane` (0 is the highest) of `lanes`
 * behind `ahead` others, itself included.
 */
export const bound = (lanes: number, maxSkips: number, lane: number, ahead: number): number => {
  const passes = lane === 0 ? ahead : maxSkips - 1
  let lower = 0
  for (let below = lane + 1; below < lanes; below++) lower += 1 + Math.floor((passes + lower) / maxSkips)
  return lane === 0 ? ahead + 1 + lower : (ahead + 1) * (maxSkips + lane + lower)
}
