using System.Collections.Frozen;

namespace Mcp.Transport;

/// <summary>
/// The rules of every method that a role serves. What is not in it cannot be called. A role's host does not start while a mapped method lacks a
/// rule, so a new method cannot be forgotten.
/// </summary>
internal sealed class AuthorizationTable
{
    private readonly FrozenDictionary<string, MethodRule> _rules;

    /// <summary>A table of these rules and those of the health service.</summary>
    /// <param name="readers">The least role that a person needs for <see cref="Access.Reading"/>: read on the master, deploy on an agent.</param>
    /// <param name="rules">One for each method.</param>
    public AuthorizationTable(HumanRole readers, IEnumerable<MethodRule> rules)
    {
        Readers = readers;
        _rules = rules.Concat(HealthMethods.Rules).ToFrozenDictionary(r => r.Method, StringComparer.Ordinal);
    }

    /// <summary>The least role that a person needs for reading here.</summary>
    public HumanRole Readers { get; }

    /// <summary>All rules.</summary>
    public IEnumerable<MethodRule> Rules => _rules.Values;

    /// <summary>The rule of <c>package.Service/Method</c>, or null: it cannot be called.</summary>
    public MethodRule? Find(string method) => _rules.GetValueOrDefault(method);
}
