/**
 * Bugs that a reader can switch on, each from public code: its name, the line as it should be and as
 * it was written, and what becomes of training, which stands behind a fold. Their places in the
 * computation are in playground_model.js and, for the noise, in playground_engine.js.
 */

/** @type {Record<string, {name: string, right: string, wrong: string, why: string}>} */
export const FAULTS = {
  none: { name: "no bug", right: "", wrong: "", why: "" },
  "kl-mean": {
    name: "the KL is averaged over the pixels",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + beta * kl.sum(1) / 784",
    why:
      "The KL weighs 784 times too little, as with β = 1/784. Nothing holds the codes together: the " +
      "map grows far beyond the prior, each image gets a narrow Gaussian of its own, and the KL of " +
      "the test digits climbs to tens of nats while the loss that is trained falls. Reconstructions " +
      "are good, draws from the prior are not: they come from the middle of a map that is mostly gaps.",
  },
  "pixel-mean": {
    name: "the cross-entropy is averaged over the pixels",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.mean(1) + beta * kl.sum(1)",
    why:
      "The KL weighs 784 times too much, as with β = 784. A code costs more than it can save, so the " +
      "encoder gives every image the prior itself: the KL is 0, the map is a point, and all images " +
      "are rebuilt as one blur, the mean image. That is posterior collapse.",
  },
  "kl-twice": {
    name: "the KL is counted twice",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + beta * kl.sum(1) + kl_of_a_layer",
    why:
      "This is β = 2, and easy to miss: training works. The KL of the test digits is lower than " +
      "without the bug and their reconstruction loss higher. The loss that the code reports counts " +
      "the KL twice, too, so it is larger than −ELBO. Keep a run without the bug to compare.",
  },
  "kl-sign": {
    name: "the KL has the wrong sign",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) - beta * kl.sum(1)",
    why:
      "The loss has no minimum: the further the codes are from the prior, the lower it is. It falls " +
      "without end, which looks like success, while −ELBO of the test digits explodes.",
  },
  "no-coefficient": {
    name: "β is never used",
    right: "loss = cross_entropy.sum(1) + beta * kl.sum(1)",
    wrong: "loss = cross_entropy.sum(1) + kl.sum(1)",
    why:
      "At β = 1 nothing is wrong. Move the slider to 0 or to 10 while it runs: without the bug the " +
      "map spreads or shrinks within an epoch, with it nothing happens. A setting that changes " +
      "nothing is the symptom.",
  },
  "log-var-as-sigma": {
    name: "the log-variance is taken for σ",
    right: "z = mu + (log_var / 2).exp() * eps",
    wrong: "z = mu + log_var * eps",
    why:
      "Where log σ² is 0 the noise is gone, and the KL believes that σ is 1, which costs nothing. So " +
      "the code becomes a point for free: the loss that is reported is lower than −ELBO, which is " +
      "computed with the right σ and is much worse. A bound that is too good is a bug to look for.",
  },
  "variance-as-sigma": {
    name: "the variance is taken for σ",
    right: "z = mu + (log_var / 2).exp() * eps",
    wrong: "z = mu + log_var.exp() * eps",
    why:
      "The noise is σ², which for σ below 1 is less than σ. The decoder learns from narrow codes, at a " +
      "KL that belongs to wider ones; with the σ that the KL means, it gets more noise than it has " +
      "learned to bear. After ten epochs with batches of 64 or fewer the reported loss is below −ELBO " +
      "of the test digits, by one nat to five; without the bug it is not. Of the test digits the KL is " +
      "lower than without the bug, and the reconstruction loss higher: keep a run to compare.",
  },
  unclamped: {
    name: "the log-variance is not clamped",
    right: "log_var = layer(h).clamp(max=10)",
    wrong: "log_var = layer(h)",
    why:
      "At the usual rates nothing happens: no log-variance comes near 10. Take 128 hidden units, set " +
      "the learning rate to 1 and reset: with nearly every seed a log-variance passes 89 within five " +
      "steps, where its exponential is beyond a float32. The KL is then infinite, and training stops. " +
      "Without the bug the same rate gives bad models, but their loss stays a number. NaN names no " +
      "cause: print the largest log-variance before it.",
  },
  detached: {
    name: "the gradient stops at z",
    right: "recon = decoder(z)",
    wrong: "recon = decoder(z.detach())",
    why:
      "Only the KL reaches the encoder, and it wants q(z|x) to be the prior for every image. All " +
      "means move to the origin, the KL falls to 0, and the decoder, which gets pure noise, learns " +
      "the mean image. It looks like posterior collapse, yet a smaller β does not help.",
  },
  "one-noise": {
    name: "one draw of noise for the whole batch",
    right: "eps = torch.randn(batch_size, latent_dim)",
    wrong: "eps = torch.randn(latent_dim)",
    why:
      "Each gradient is still right on average, but all images of a batch are pushed the same way, so " +
      "the mean over the batch no longer calms the noise, and training is slower at first. After three " +
      "epochs −ELBO of the test digits is higher than in a kept run without the bug: by two nats or " +
      "three with 128 hidden units and batches of 64, by two to twenty with others. With 128 units " +
      "three at most are left after ten. The reported losses jump more from batch to batch only in " +
      "the first epochs with large batches; with batches of 64 or fewer, no more than without the bug.",
  },
};
