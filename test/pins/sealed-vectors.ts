/**
 * Every sealed identifier in every format that this release opens, for one key (bytes 00 to 1f, no derivation), gateway `manifold`
 * and resource `https://gw.example/mcp`. Made by another program, in Python with the `cryptography` package, from
 * docs/session-token.md alone. Format 1 is what release 0.1 seals. When a text changes, every session in the field ends: what must
 * change gets a new format, and the vectors of the old one stay for as long as it is opened.
 */

export const vectors = [
  {
    format: 1,
    kid: 0x6435b428,
    principal: '7ec68f14801fb89bde3aa042d18f9f31',
    token:
      'AQFkNbQopaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlNzRWeH-xTpd5gebNVTuO5VFQzkw8ot-rTJsnYVvme_3NT-JX2fYE2e_81WK3ckBhftTLhiYMpQRVg2' +
      'e6Gezk9kZUIfEGoYjN75n08dAuI3xM1df_dp0puKyUmo2VSWhIkImdQBJyv1NdhBBAeZhNyrd4NEPq41wNYoggBhO0Razp4nXcv5jleVqS9ayIqJrqSn-6' +
      '6M7hy700oHbppJRV4HZLGT26MBISyQ',
    request: 'EhXeiNWzC9AB-mQZZiLjYu0vIqcY8muKxyKkG6ySKoqI',
    textRequest: 'IZrueDDL61gE7xnoBYI59ajnAgsXNjvjO4wdVGA4GQbwC5w',
    progress: 'dWHWObDlVqdP6v4FKg177yIi2yhhkBRlUPjE1FHEZn1E',
    task: 'bEsZXFlPmuAm2Mmy_ZZJvRVoDI2DXytUFjSfhZCSldpEWqJGtpI',
    cursor: 'paWlpaWlpaWlpaWlQJXGZDeve1XekUggrcBrBl9BivdP97eX2kFQ',
    firstCursor: 'paWlpaWlpaWlpaWlQJXGZDZ8ezph9uWHu0inY2NKCsqb',
    post: 'paWlpaWlpaWlpaWl2tQ57s8T4U8mcxyTApQGzh2_azoVa0EKufeNb0yuo1A',
    merged: 'paWlpaWlpaWlpaWlAWsZ888i1hfKFNeATKRgCUr464GYvZTwXXr9ugIcow',
    question: 'BYY2fHdlu3tykFY8xvgu5JGk9wOBEUZa_SUeAqvMeUVGTaTc_eJUUAgP2ryQb-mM9GXL0MmDRJMPYQ',
    called: 'paWlpaWlpaWlpaWlMz-Vki9jpNp6wvUYRs194uTj9qNVmq67ibnqKUDO2PzkesBG-HXEvFn7S1DGKI-M',
    held: 'paWlpaWlpaWlpaWlMz-Vki9jpNp6wvUYRs194uTj9qNVmq676MvITS29u5UYu_iU_iJG29zIQiL4vAokJfd976x9AtPcWTBO7oI3e6rTfOCm',
    resumed: 'paWlpaWlpaWlpaWlMz-Vki9jpNp6wvUYRs194uTj9qNVmq67k-imL1rM-OR13IbWlg1y9traEQfxCulrL7xHUz1frDY9kk4',
    known: '8cfc9b189a53f89fca4fa5f162acc0e0',
    unknown: '3070d19278c59b3445827a9c59564531',
    derived: 'b7175915c240bec0ce9f8c33fb8474fa8a696cb7f36adf72899ef5fba48f47f3',
  },
  {
    format: 2,
    kid: 0x6e3fee61,
    principal: 'ee143094aa1d77eb907d514720284b81',
    token:
      'AgFuP-5hpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWle199OslWjmiRrirNBJ5Rja5H4l6vvs2S0_dTIr8LCf3AXL5QLIOdw7eR7SY6i8gxE_RGNHOslq6F9o' +
      '_C1Tys9zZ_aRs1p9aYQSe55XJPQhHeQURstT3L6d38bQRjVtM0BxUwgX_SHIWofRjHGCUpgxV5AWpQxZnvJyNYfim4FESH_p0N_WQhpNLo-t2pmMIOh58W' +
      'AyxnvFQI7yAVtgU-NmDxF-ImlM_90g',
    request: 'Agcj6n8yfLQXKjrIbDsbV47a8L5pEB_gdwiD07x1wLU4-w',
    textRequest: 'Ah9lELXWtkTLX5nIQthJRI8qbTFjtk28ACGqzJ_oeqSVpRcR',
    progress: 'AklnbnKZmXBQvsw92iEKQQNMXZdBGwA8WgxtWK-ooJQ-SQ',
    task: 'AjAb7u_8v6xoI9Cf7Y0jLKjl1Y6RZuSP_GiyVWNJyaurEAPMPv2H',
    cursor: 'AqWlpaWlpaWlpaWlpeE06Ce1Ok94AT_YBEtPTliPa5rqoz3IkX02Lg',
    firstCursor: 'AqWlpaWlpaWlpaWlpeE06Ce04kDBJ0sdiplR21tDmokrjw',
    post: 'AqWlpaWlpaWlpaWlpXy9hla4rSqj0Da40R_TPVUg3EmJwvol0I5weQeLlk4J',
    merged: 'AqWlpaWlpaWlpaWlpacCpku4nB37PFFzwlHjWxrcjKKYy6nelMGTgfnTtmQ',
    question: 'Aj8hB8l0JkrXGGn07zalHiIYrT7UGFgLHGqbXIkG_35sSJ08sa2M1I5yVHMbSRhKYbxZcs2g4oRx63Q',
    called: 'AqWlpaWlpaWlpaWlpXGRXnzIVN3fFmY31BcusQ1Nh_pj5o-hZXb9iGEE1JD7fYgQnMAR2R-VPjNFQ_hCuw',
    held: 'AqWlpaWlpaWlpaWlpXGRXnzIVN3fFmY31BcusQ1Nh_pj5o-hZRePqgVpp_OSc2iztots0GauZk1f35CI6EJi-g3PPk0kAZKPGeJbzhyBTRdPqQ',
    resumed: 'AqWlpaWlpaWlpaWlpXGRXnzIVN3fFmY31BcusQ1Nh_pj5o-hZWysxGce1rDjHg_N9OND5EuodB558-R2bVPIDQmeJpZOLKFy',
    known: '440ea72635d62575a9a797cc3d2e57ca',
    unknown: '3b22c980496169d5e6a80df7daa36c29',
    derived: 'fe282537ec6199b49ae405063678a198ed82dd7e715e1c7b67182faf69bd2d32',
  },
] as const;
