namespace Mcp.Podman;

/// <summary>Registry logins in the form of docker's <c>config.json</c> and podman's <c>auth.json</c>.</summary>
internal static class RegistryAuthFile
{
    /// <summary>The login for an image reference: the most specific of <c>registry/path…</c>, <c>registry</c>; null when there is none or no file.</summary>
    /// <exception cref="Errors.McpException">The file is readable by others or no such file.</exception>
    public static RegistryLogin? Find(string path, string reference) => throw new NotImplementedException();
}
