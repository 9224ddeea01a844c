using System.Security.Cryptography;
using System.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>A specification for people who may look but not change: the values of its environment as short hashes, so that a change still shows.</summary>
internal static class EnvironmentView
{
    // Enough to see that a value changed, too little to try passwords against: 24 bits fit some seventeen million guesses each.
    private const int ShownDigits = 6;

    /// <summary>A copy with <c>KEY=value</c> turned into <c>KEY=&lt;sha256:…&gt;</c>.</summary>
    public static ServiceSpec Hide(ServiceSpec spec)
    {
        var hidden = spec.Clone();
        foreach (var component in hidden.Components)
        {
            for (var i = 0; i < component.Env.Count; i++)
                component.Env[i] = Hide(component.Env[i]);
        }
        return hidden;
    }

    private static string Hide(string entry)
    {
        var equals = entry.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? entry : $"{entry[..equals]}=<sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(entry)))[..ShownDigits]}>";
    }
}
