namespace Redoubt.Lab.Scenarios;

/// <summary>All scenarios, in the order in which they are listed. A new one is a line here.</summary>
public static class ScenarioList
{
    /// <summary>The scenarios.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        MainJobScenarios.Demo,
        MainJobScenarios.NoStateSync,
        ElectionScenarios.Election,
        UcarpScenarios.Takeover,
        UcarpScenarios.Backup,
        UcarpScenarios.WrongPassword,
        PasswordScenarios.WrongPassword,
        PasswordScenarios.WrongPasswordWithHeartbeats,
    ];

    /// <summary>The scenario of that name; throws <see cref="LabException"/>.</summary>
    public static Scenario Find(string name) =>
        All.FirstOrDefault(s => s.Name == name)
        ?? throw new LabException($"there is no scenario {name}; there are: {string.Join(' ', All.Select(s => s.Name))}");
}
