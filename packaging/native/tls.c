// Stands around SSL_CTX_new (--wrap): a connection that is quiet keeps no room for a record in each direction, which would be 33 KB for every
// agent's line. .NET has no word for this mode, and the library's default is to keep them.
#include <openssl/ssl.h>

SSL_CTX *__real_SSL_CTX_new(const SSL_METHOD *method);
SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method);

SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method)
{
    SSL_CTX *context = __real_SSL_CTX_new(method);
    if (context)
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}
