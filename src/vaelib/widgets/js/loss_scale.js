/** Which beta a loss stands for, as `vaelib.loss_scale` computes and says it. */

const TERMS = {
  bernoulli: "cross-entropy",
  gaussian: "Gaussian log-likelihood",
  mse: "squared error",
};

/** A number with three digits, and an integer below a million with all of its digits. */
export function said(value) {
  const whole = Math.round(value);
  if (Math.abs(value) < 1e6 && Math.abs(value - whole) <= 1e-9 * Math.abs(value)) {
    return String(whole);
  }
  const rounded = Number(value.toPrecision(3));
  if (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6) return String(rounded);
  return rounded.toExponential().replace("e+", "e");
}

/** A factor in words: those below 1 as what is divided by, if that is an integer. */
function times(factor) {
  const inverse = 1 / factor;
  const whole = Math.round(inverse);
  const isShare = factor > 0 && factor < 1 && inverse < 1e6;
  return isShare && Math.abs(inverse - whole) <= 1e-9 * inverse
    ? `beta / ${whole}`
    : `beta × ${said(factor)}`;
}

/**
 * What a loss stands for.
 * @param {{likelihood: string, sigma: number, pixels: string, latents: string, batch: string,
 *   kl_batch: string, values: number, latent_dim: number, batch_size: number, weight: number}} loss
 */
export function lossWeights(loss) {
  const { likelihood, values, latent_dim: latents, batch_size: size, weight } = loss;
  const term = TERMS[likelihood];
  const sigma = likelihood === "bernoulli" ? null : loss.sigma;
  const causes = [];
  const because = (text, factor) => causes.push({ text, factor });
  if (loss.pixels === "mean") because(`the ${term} is averaged over the ${values} values`, values);
  if (likelihood === "mse") {
    const twice = 2 * loss.sigma ** 2;
    because(`the squared error is not divided by 2 sigma² = ${said(twice)}`, 1 / twice);
  }
  if (loss.latents === "mean") {
    because(`the KL is averaged over the ${latents} latents`, 1 / latents);
  }
  const power = Number(loss.kl_batch === "sum") - Number(loss.batch === "sum");
  if (power > 0) {
    because(`the ${term} is averaged over the batch and the KL summed over it`, size);
  } else if (power < 0) {
    because(`the ${term} is summed over the batch and the KL averaged over it`, 1 / size);
  }
  if (weight !== 1) because(`the KL has the weight ${said(weight)}`, weight);
  const beta = causes.reduce((product, { factor }) => product * factor, 1);
  const elbo = sigma === null ? null : sigma * Math.sqrt(beta);
  return { beta, at: sigma, sigma: elbo, causes: causes.map(inWords), power, size };
}

function inWords({ text, factor }) {
  return factor === 1 ? text : `${text} (${times(factor)})`;
}

/** The same in one or two sentences, with the causes or without them. */
export function sentenceOf({ beta, at, sigma, causes, power, size }, withCauses = true) {
  const isElbo = Math.abs(beta - 1) <= 1e-9 * Math.max(beta, 1);
  const batches = power ? ` on batches of ${size} images` : "";
  const other = sigma ? `, which is minus the ELBO at sigma ${said(sigma)}` : "";
  const reasons = withCauses && causes.length ? `: ${causes.join(", ")}` : "";
  const rest =
    ` Beta changes with the batch: on one of half the size it is ${power > 0 ? "half" : "twice"} ` +
    "this, and the last of an epoch is often smaller.";
  return (
    `beta = ${said(beta)}${at === null ? "" : ` at sigma ${said(at)}`}${batches}` +
    `${isElbo ? ", so this is minus the ELBO" : other}${reasons}.${power ? rest : ""}`
  );
}
