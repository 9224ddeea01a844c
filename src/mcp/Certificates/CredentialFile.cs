using System.Security.Cryptography;
using System.Text;
using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Certificates;

/// <summary>
/// The file of an identity: key and chain in one PEM file of mode 0600, so no kill can leave a key with another key's certificate.
/// A new key goes through these steps; killed at any of them, the next try asks with the same key and gets the same answer:
/// 1 <see cref="PendingKey"/> writes the key to <c>PATH.next</c> and only then returns it; 2 the caller asks the master with a request over it;
/// 3 <see cref="Install"/> replaces PATH by key and chain; 4 and removes <c>PATH.next</c>.
/// </summary>
internal sealed class CredentialFile(string path)
{
    private readonly string _pending = path + ".next";

    /// <summary>Where key and chain are.</summary>
    public string Path => path;

    /// <summary>Whether an identity was installed.</summary>
    public bool Exists => File.Exists(path);

    /// <summary>The key for the next request: the one left by an interrupted try, or a new one that is on disk when this returns.</summary>
    /// <exception cref="McpException">The folder or file is open to others, or cannot be written.</exception>
    public IdentityKey PendingKey()
    {
        SecretFile.EnsureFolder(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        if (File.Exists(_pending))
        {
            try
            {
                return IdentityKey.FromPem(Encoding.ASCII.GetString(SecretFile.Read(_pending)));
            }
            catch (CryptographicException e)
            {
                throw new McpException(FaultCode.DataLoss, $"the pending key {_pending} is damaged", e) { Hint = $"rm {_pending} and try again" };
            }
        }
        var key = IdentityKey.Create();
        DurableFile.Write(_pending, Encoding.ASCII.GetBytes(key.ToPem()), DurableFile.Secret);
        return key;
    }

    /// <summary>Forgets the pending key, after the master refused it for good.</summary>
    public void DropPendingKey() => File.Delete(_pending);

    /// <summary>Stores the chain issued for <paramref name="key"/> and returns the credential; the pending key is gone afterwards.</summary>
    /// <exception cref="McpException">The chain is not over this key, or the file could not be written; the old identity stays.</exception>
    public Credential Install(IdentityKey key, ReadOnlySpan<byte> chainPem)
    {
        var credential = Credential.From(key, chainPem, "the issued certificate");
        var text = key.ToPem() + Encoding.ASCII.GetString(chainPem);
        SecretFile.EnsureFolder(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        DurableFile.Write(path, Encoding.ASCII.GetBytes(text), DurableFile.Secret);
        File.Delete(_pending);
        return credential;
    }

    /// <summary>Reads the identity.</summary>
    /// <exception cref="McpException">It is missing, open to others or damaged.</exception>
    public Credential Load() => Credential.FromPem(Encoding.ASCII.GetString(SecretFile.Read(path)), path);
}
