using System.Reflection;

namespace Mcp.Agent;

/// <summary>This program's version, as peers and operators see it.</summary>
internal static class ProgramVersion
{
    /// <summary>"0.1.0".</summary>
    public static string Text { get; } = typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
