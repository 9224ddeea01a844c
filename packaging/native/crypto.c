// Stands before libcrypto.a, so that its members of the same names are not taken from there.
//
// AES-CBC with an HMAC in one pass is for cipher suites of TLS 1.2 and before, which nobody here speaks; with its code for several buffers at
// once it is 0.12 MB. The library asks first whether the machine can do it: here none can, so the tables below are never read.
//
// The old registry of cipher names is for keys that are encrypted in PEM files and for programs that choose ciphers by name. Ours are neither; what
// TLS needs is fetched from the provider. Registering them all would take DES, RC2, RC4, Blowfish, CAST, SEED and others along.
struct dispatch { int id; void (*function)(void); };

int ossl_cipher_capable_aes_cbc_hmac_sha1(void) { return 0; }
int ossl_cipher_capable_aes_cbc_hmac_sha256(void) { return 0; }

const struct dispatch ossl_aes128cbc_hmac_sha1_functions[] = {{0, 0}};
const struct dispatch ossl_aes256cbc_hmac_sha1_functions[] = {{0, 0}};
const struct dispatch ossl_aes128cbc_hmac_sha256_functions[] = {{0, 0}};
const struct dispatch ossl_aes256cbc_hmac_sha256_functions[] = {{0, 0}};

void openssl_add_all_ciphers_int(void) { }
