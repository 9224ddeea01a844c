using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>Spec → TOML text that reads back to an equal spec; defaults are left out.</summary>
internal static class DefinitionWriter
{
    /// <summary>The definition file of <paramref name="spec"/>, environment values included.</summary>
    public static string Write(ServiceSpec spec) => throw new NotImplementedException();
}
