namespace Mcp.Agent;

/// <summary>What this agent can do beyond the first version's calls, sent with Register and with every answer.</summary>
internal static class AgentFeatures
{
    /// <summary>Names that peers may ask for.</summary>
    public static readonly IReadOnlyList<string> All = ["deploy", "epochs", "image-pinning", "operations"];
}
