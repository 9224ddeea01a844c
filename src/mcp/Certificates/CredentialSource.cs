namespace Mcp.Certificates;

/// <summary>
/// The credential in force now. Servers ask at every handshake and channels at every new connection, so a renewed identity is used
/// without a restart; connections made with the old one live on until they end.
/// </summary>
internal sealed class CredentialSource(Credential credential, CredentialFile? file = null)
{
    private volatile Credential _current = credential;

    /// <summary>Reads <paramref name="file"/> and keeps it for <see cref="Reload"/>.</summary>
    /// <exception cref="Errors.McpException">The file is missing, open to others or damaged.</exception>
    public static CredentialSource Open(CredentialFile file) => new(file.Load(), file);

    /// <summary>What the next handshake presents.</summary>
    public Credential Current => _current;

    /// <summary>Presents <paramref name="credential"/> from now on.</summary>
    public void Replace(Credential credential) => _current = credential;

    /// <summary>Reads the file again; when it cannot be read, the old credential stays in force and the error is thrown.</summary>
    /// <exception cref="Errors.McpException">The file is missing, open to others or damaged.</exception>
    public void Reload() => _current = file?.Load() ?? _current;
}
