namespace Mcp.Podman;

/// <summary>Credentials for a registry. Never printed: the record's own text hides them.</summary>
/// <param name="Username">The name.</param>
/// <param name="Password">The password or token.</param>
internal sealed record RegistryLogin(string Username, string Password)
{
    /// <summary>Without the password.</summary>
    public override string ToString() => $"login of {Username}";
}
